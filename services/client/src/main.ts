#!/usr/bin/env -S node --conditions=source
