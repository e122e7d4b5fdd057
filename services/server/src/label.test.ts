import { expect, test } from '@jest/globals'
import type { ProtocolName } from '@nihao/wire'
import { type Labelled, uniqueLabels } from './label.ts'

const on = (protocol: ProtocolName, address: string, port: number, encrypted = false): Labelled => ({
  protocol,
  encrypted,
  address: { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port },
})

test('a label is protocol and port if these are unique', () => {
  const listeners = [on('greet', '0.0.0.0', 1234), on('echo', '127.0.0.1', 1234), on('greet', '127.0.0.1', 1234, true)]
  expect(uniqueLabels(listeners)).toEqual(['greet:1234', 'echo:1234', 'greet+tls:1234'])
})

test('only listeners that share a port on different addresses have the address in their labels', () => {
  const listeners = [
    on('greet', '127.0.0.1', 1234),
    on('greet', '127.0.0.2', 1234),
    on('greet', '::1', 1234),
    on('greet', '::', 5678),
  ]
  expect(uniqueLabels(listeners)).toEqual(['greet:127.0.0.1:1234', 'greet:127.0.0.2:1234', 'greet:[::1]:1234', 'greet:5678'])
})

test('a Unix socket is labelled with its path', () => {
  expect(uniqueLabels([{ protocol: 'probe', encrypted: false, address: '/run/nihao.sock' }])).toEqual(['probe:/run/nihao.sock'])
})
