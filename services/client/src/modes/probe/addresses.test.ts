import { describe, expect, test } from '@jest/globals'
import { createLogger } from '@nihao/service'
import { Addresses, type AddressesOptions, type Host } from './addresses.ts'

/** Addresses of a name whose look-ups the test makes and answers itself. */
class Name {
  readonly used = new Set<Host>()
  readonly addresses: Addresses
  /** The look-up under way. */
  #lookUp = Promise.withResolvers<{ address: string }[]>()
  #begun = Promise.withResolvers<void>()

  constructor(choose: AddressesOptions['choose'] = addresses => addresses) {
    this.addresses = new Addresses({
      name: 'servers.test',
      family: 0,
      intervalMs: 1_000_000,
      choose,
      events: { found: host => this.used.add(host), gone: host => this.used.delete(host) },
      logger: createLogger('test', 'silent'),
      lookUp: () => {
        this.#begun.resolve()
        return this.#lookUp.promise
      },
    })
    void this.addresses.follow()
  }

  /** Answers one look-up, and waits for the next one. */
  async resolves(...addresses: string[]): Promise<Host[]> {
    return this.#answer(lookUp => lookUp.resolve(addresses.map(address => ({ address }))))
  }

  async fails(code: string): Promise<Host[]> {
    return this.#answer(lookUp => lookUp.reject(Object.assign(new Error(code), { code })))
  }

  async #answer(answer: (lookUp: PromiseWithResolvers<{ address: string }[]>) => void): Promise<Host[]> {
    await this.#begun.promise
    const lookUp = this.#lookUp
    this.#lookUp = Promise.withResolvers()
    this.#begun = Promise.withResolvers()
    answer(lookUp)
    await new Promise(setImmediate)
    this.addresses.lookUpNow()
    return [...this.used].sort()
  }
}

describe('the addresses of a name', () => {
  test('come and go with the look-ups', async () => {
    const name = new Name()
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(await name.resolves('10.0.0.2', '10.0.0.3')).toEqual(['10.0.0.2', '10.0.0.3'])
    expect(await name.fails('EAI_AGAIN')).toEqual(['10.0.0.2', '10.0.0.3'])
    expect(await name.fails('ENOTFOUND')).toEqual([undefined])
    expect(await name.resolves('10.0.0.4')).toEqual(['10.0.0.4'])
    name.addresses.stop()
  })

  test('that are given up are not used, unless there is no other', async () => {
    const name = new Name()
    await name.resolves('10.0.0.1', '10.0.0.2')
    name.addresses.leave('10.0.0.1')
    expect([...name.used]).toEqual(['10.0.0.2'])
    expect(await name.fails('EAI_AGAIN')).toEqual(['10.0.0.2'])
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.2'])
    expect(await name.resolves('10.0.0.1')).toEqual(['10.0.0.1'])
    name.addresses.stop()
  })

  test('that are given up are used again after a look-up without them', async () => {
    const name = new Name()
    await name.resolves('10.0.0.1', '10.0.0.2')
    name.addresses.leave('10.0.0.1')
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.2'])
    expect(await name.resolves('10.0.0.2')).toEqual(['10.0.0.2'])
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.1', '10.0.0.2'])
    name.addresses.stop()
  })

  test('that are chosen are replaced when they are given up', async () => {
    const name = new Name(addresses => addresses.slice(0, 1))
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.1'])
    expect(name.addresses.spare).toBe(true)
    name.addresses.leave('10.0.0.1')
    expect([...name.used]).toEqual(['10.0.0.2'])
    expect(name.addresses.spare).toBe(false)
    name.addresses.stop()
  })

  test('may all be left out', async () => {
    const self: string[] = []
    const name = new Name(addresses => addresses.filter(address => !self.includes(address)))
    await name.resolves('10.0.0.1')
    self.push('10.0.0.1')
    name.addresses.chooseAgain()
    expect([...name.used]).toEqual([])
    expect(await name.resolves('10.0.0.1', '10.0.0.2')).toEqual(['10.0.0.2'])
    name.addresses.stop()
  })
})
