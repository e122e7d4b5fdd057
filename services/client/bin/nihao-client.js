#!/usr/bin/env -S node --conditions=source
import { launch } from '@nihao/service/launch'

await launch('nihao-client', () => import('../src/main.ts'))
