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
  ['greet://:1234', 'greet', { host: '', port: 1234 }],
  ['probe+tls://:0/', 'probe', { host: '', port: 0 }],
  ['echo://[fe80::1%eth0]:7', 'echo', { host: 'fe80::1%eth0', port: 7 }],
  ['echo://[fe80::1%25eth0.5]', 'echo', { host: 'fe80::1%eth0.5', port: 7007 }],
  ['echo://[0:0::0001]:7', 'echo', { host: '::1', port: 7 }],
  ['greet+unix:///run/nihao/greet.sock', 'greet', { path: '/run/nihao/greet.sock' }],
  ['echo+unix:///tmp/a%20b.sock?idle-timeout=1s', 'echo', { path: '/tmp/a b.sock' }, { 'idle-timeout': '1s' }],
]

const forms = 'expected protocol://host:port, protocol://[ipv6]:port or protocol+unix:///path'

const invalid: [url: string, ...problems: string[]][] = [
  ['localhost:1234', `invalid endpoint "localhost:1234": ${forms}`],
  [':1234', `invalid endpoint ":1234": ${forms}`],
  ['greet:/server:1234', `invalid endpoint "greet:/server:1234": ${forms}`],
  ['GREET://server', `invalid endpoint "GREET://server": ${forms}`],
  ['greet+tls+unix:///run/nihao.sock', `invalid endpoint "greet+tls+unix:///run/nihao.sock": ${forms}`],
  ['greet://', 'greet://: missing host and port'],
  ['greet://server:8080abc', 'greet://server:8080abc: invalid port "8080abc": must be an integer from 0 to 65535'],
  ['greet://server:-1', 'greet://server:-1: invalid port "-1": must be an integer from 0 to 65535'],
  ['greet://server:65536', 'greet://server:65536: invalid port "65536": must be an integer from 0 to 65535'],
  ['greet://server:', 'greet://server:: invalid port "": must be an integer from 0 to 65535'],
  ['greet://[::1]:x', 'greet://[::1]:x: invalid port "x": must be an integer from 0 to 65535'],
  ['hello://server:1', 'hello://server:1: unknown protocol "hello": must be one of greet, echo, discard, chargen, probe'],
  [
    'constructor://server:1',
    'constructor://server:1: unknown protocol "constructor": must be one of greet, echo, discard, chargen, probe',
  ],
  ['greet+udp://server:1', 'greet+udp://server:1: unknown transport "+udp": must be +tls or +unix'],
  ['greet://user:secret@server:1', 'greet://user:secret@server:1: unexpected user name or password'],
  ['greet://server:1/path', 'greet://server:1/path: unexpected path "/path"'],
  ['greet://server:1#there', 'greet://server:1#there: unexpected fragment "#there"'],
  ['greet://server:1?greeting=a&greeting=b', 'greet://server:1?greeting=a&greeting=b: duplicate option "greeting"'],
  ['greet://a_b!c:1', 'greet://a_b!c:1: invalid host "a_b!c": must be a name or an address'],
  ['greet://::1:1234', 'greet://::1:1234: invalid host "::1": an IPv6 address must be in brackets'],
  ['greet://[::g]:1', 'greet://[::g]:1: invalid IPv6 address "[::g]"'],
  ['greet://[127.0.0.1]:1', 'greet://[127.0.0.1]:1: invalid IPv6 address "[127.0.0.1]"'],
  ['greet://[fe80::1%]:1', 'greet://[fe80::1%]:1: invalid IPv6 address "[fe80::1%]"'],
  [
    'greet+unix://run/nihao.sock',
    'greet+unix://run/nihao.sock: unexpected host: a Unix socket has three slashes, as in greet+unix:///run/nihao/greet.sock',
  ],
  [
    'greet+unix:///',
    'greet+unix:///: missing path of the Unix socket: expected a URL such as greet+unix:///run/nihao/greet.sock',
  ],
  [
    `greet+unix:///${'x'.repeat(107)}`,
    `greet+unix:///${'x'.repeat(107)}: path of the Unix socket too long: must be at most 107 bytes`,
  ],
  [
    'greet+unix:///run/%zz.sock',
    'greet+unix:///run/%zz.sock: invalid escape in the path: % must be followed by two hexadecimal digits, as in %20',
  ],
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

  test.each(invalid)('%s is invalid', (url, ...problems) => {
    expect(problemsIn(url)).toEqual(problems)
  })

  test('are separated by spaces or commas', () => {
    const addresses = parseEndpoints(' greet://a:1,echo://b:2\n discard://c:3 , ').map(endpoint => endpoint.address)
    expect(addresses).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: 'c', port: 3 },
    ])
  })

  test.each(['', ' , '])('at least one is required ("%s")', text => {
    expect(problemsIn(text)).toEqual(['no endpoint: expected at least one, such as greet://localhost:1234'])
  })

  test('all problems of all URLs are reported at once', () => {
    const url = 'hello+udp://user@server:1/path?a=1&a=2'
    const problems = problemsIn(`${url} greet://fine:1 echo://server:99999`)
    expect(problems).toHaveLength(6)
    expect(problems.filter(problem => problem.startsWith(`${url}: `))).toHaveLength(5)
    expect(problems[5]).toMatch(/^echo:\/\/server:99999: invalid port "99999"/)
  })

  test('the valid ones come with the error, so that their options can be validated too', () => {
    try {
      parseEndpoints('greet://server:x echo://server:1?a=1')
    } catch (error) {
      expect((error as EndpointError).endpoints.map(endpointUrl)).toEqual(['echo://server:1'])
    }
    expect.assertions(1)
  })

  test.each([
    'greet://server:1234',
    'greet://:1234',
    'echo://[::1]:7007',
    'echo://[fe80::1%eth0]:7007',
    'discard+unix:///run/nihao.sock',
  ])('%s is its own name', url => {
    expect(parseEndpoints(`${url}?idle-timeout=1s`).map(endpointUrl)).toEqual([url])
  })
})
