import { describe, expect, test } from '@jest/globals'
import { type EndpointAddress, EndpointError, endpointUrl, parseEndpoints } from './endpoint.ts'

function problemsIn(text: string): readonly string[] {
  try {
    parseEndpoints(text)
  } catch (error) {
    if (error instanceof EndpointError) return error.problems
    throw error
  }
  return []
}

const valid: [url: string, protocol: string, address: EndpointAddress, options?: Record<string, string>][] = [
  ['greet://0.0.0.0:1234', 'greet', { host: '0.0.0.0', port: 1234 }],
  ['greet://server', 'greet', { host: 'server', port: 1234 }],
  ['echo://server/', 'echo', { host: 'server', port: 7007 }],
  ['discard://[::1]', 'discard', { host: '::1', port: 7009 }],
  ['echo://[::]:0', 'echo', { host: '::', port: 0 }],
  ['greet://10.0.0.1:65535', 'greet', { host: '10.0.0.1', port: 65535 }],
  [
    'echo://h:7?max-connections=5&idle-timeout=5s',
    'echo',
    { host: 'h', port: 7 },
    { 'max-connections': '5', 'idle-timeout': '5s' },
  ],
  ['greet://h:1?greeting=hello%20', 'greet', { host: 'h', port: 1 }, { greeting: 'hello ' }],
  ['echo+tls://[::]:7443?max-connections=500', 'echo', { host: '::', port: 7443 }, { 'max-connections': '500' }],
  ['greet+unix:///run/nihao/greet.sock', 'greet', { path: '/run/nihao/greet.sock' }],
  ['echo+unix:///tmp/a%20b.sock?idle-timeout=1s', 'echo', { path: '/tmp/a b.sock' }, { 'idle-timeout': '1s' }],
]

const anEndpoint = 'expected protocol://host:port, protocol://[ipv6]:port or protocol+unix:///path'

const invalid: [url: string, ...said: string[]][] = [
  ['localhost:1234', 'not an endpoint', anEndpoint],
  ['greet:/server:1234', 'not an endpoint', anEndpoint],
  ['greet://:1234', 'not an endpoint', anEndpoint],
  ['greet://server:8080abc', 'not an endpoint', anEndpoint],
  ['greet://server:-1', 'not an endpoint', anEndpoint],
  ['greet://server:65536', 'port 65536 is out of range', 'expected 0 to 65535'],
  ['hello://server:1', 'unknown protocol "hello"', 'expected greet, echo, discard'],
  ['constructor://server:1', 'unknown protocol "constructor"', 'expected greet, echo, discard'],
  ['greet+udp://server:1', 'unknown transport "+udp"', 'expected +tls or +unix'],
  ['greet+tls+unix:///run/nihao.sock', 'not an endpoint'],
  ['greet://user:secret@server:1', 'a user or password has no meaning here'],
  ['greet://server:1/path', 'a path ("/path") has no meaning on TCP'],
  ['greet://server:1#there', '"#there" has no meaning here'],
  ['greet://server:1?greeting=a&greeting=b', 'option "greeting" is given twice'],
  ['greet://a_b!c:1', 'is not a host name or address'],
  ['greet+unix://run/nihao.sock', 'a Unix socket has no host', 'three slashes'],
  ['greet+unix:///', 'the path of the Unix socket is missing'],
  [`greet+unix:///${'x'.repeat(107)}`, 'longer than 107 bytes'],
  ['greet+unix:///run/%zz.sock', '%zz'],
]

describe('endpoint URLs', () => {
  test.each(valid)('%s', (url, protocol, address, options = {}) => {
    const [endpoint] = parseEndpoints(url)
    expect({ ...endpoint, options: Object.fromEntries(endpoint?.options ?? []) }).toEqual({
      protocol,
      tls: url.includes('+tls:'),
      address,
      options,
    })
  })

  test.each(invalid)('%s is refused in words that help', (url, ...said) => {
    const problems = problemsIn(url)
    expect(problems).toHaveLength(1)
    for (const words of [`${url}: `, ...said]) expect(problems[0]).toContain(words)
  })

  test('several stand in one text, separated by blanks or commas', () => {
    const ports = parseEndpoints(' greet://a:1,echo://b:2\n discard://c:3 , ').map(endpoint => endpoint.address)
    expect(ports).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: 'c', port: 3 },
    ])
  })

  test.each(['', ' , '])('none at all ("%s") is a mistake', text => {
    expect(problemsIn(text)).toEqual([expect.stringContaining('expected at least one, such as greet://localhost:1234')])
  })

  test('every mistake in every URL is told at once', () => {
    const problems = problemsIn('hello+udp://user@server:1/path?a=1&a=2 greet://fine:1 echo://server:99999')
    expect(problems).toHaveLength(6)
    expect(problems.filter(mistake => mistake.startsWith('hello+udp://user@server:1/path?a=1&a=2: '))).toHaveLength(5)
    expect(problems[5]).toContain('echo://server:99999: port 99999 is out of range')
  })

  test.each(['greet://server:1234', 'echo://[::1]:7007', 'discard+unix:///run/nihao.sock'])('%s is called so in logs', url => {
    expect(parseEndpoints(`${url}?idle-timeout=1s`).map(endpointUrl)).toEqual([url])
  })
})
