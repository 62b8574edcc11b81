// Calls every method of the client: node test.mjs USER
// RESELLERD_URL and RESELLERD_TOKEN name a server whose data may be changed. USER may
// do everything to its customers.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Client, Refused, Switchover, Unavailable } from './resellerd.mjs'

const { RESELLERD_URL, RESELLERD_TOKEN } = process.env
const client = new Client(RESELLERD_URL, RESELLERD_TOKEN, { timeout: 60_000 })
const user = client.as(process.argv[2], { ip: '192.0.2.7' })
const refused = (status) => (error) => error instanceof Refused && error.status === status

const me = await user.me()
assert.ok(me.access && me.default_access && me.account.id)
assert.equal(await user.may('update', 'customer'), true)
assert.equal(await user.may('update', 'customer', 'cus_aaaaaaaaaaaaaaaaaaaaaaaaaa'), false)
const answers = await user.decide([{ action: 'read', of: 'cdr', id: '17', panel: true }], { reasons: true })
assert.deepEqual(answers, [{ allowed: false, reasons: ['owner_unknown'] }])
assert.deepEqual(await user.menu(['customer', 'user']), ['customer', 'user'])
for (const of of ['accounts', 'groups', 'users', 'cards', 'audit']) {
  assert.ok((await user[of]().list({ limit: 5 })).items.length <= 5)
}

const customers = user.customers()
const key = randomUUID()
const made = await customers.create({ name: 'Otter Cars' }, key)
assert.equal((await customers.create({ name: 'Otter Cars' }, key)).id, made.id)
assert.equal((await customers.get(made.id)).etag, made.etag)
const changed = await customers.change(made.id, { notes: 'Ring twice.' }, made.etag)
assert.equal(changed.notes, 'Ring twice.')
assert.equal((await customers.list({ name: ['Otter Cars', 'nobody'], id: made.id })).items.length, 1)
let all = 0
for await (const row of customers.each({ limit: 2, sort: 'name' })) {
  all += row.id ? 1 : 0
}
assert.equal(all, (await customers.list({ count: true, limit: 1 })).total)
await assert.rejects(customers.change(made.id, { notes: null }, made.etag), refused(412))
await assert.rejects(customers.change(made.id, { name: '' }), refused(422))
await customers.delete(made.id, changed.etag)
await assert.rejects(customers.get(made.id), refused(404))
await assert.rejects(user.rates('crd_aaaaaaaaaaaaaaaaaaaaaaaaaa').list(), refused(404))
await assert.rejects(client.as('nobody-at-all').me(), refused(403))
assert.equal(await client.as('nobody-at-all').may('read', 'customer'), false)

const nowhere = new Client('http://127.0.0.1:1', 'token').as('nobody')
await assert.rejects(nowhere.may('read', 'customer'), Unavailable)
const question = { action: 'read', of: 'customer' }
assert.equal(await new Switchover([]).may(user, { action: 'read', of: 'no/such-area', panel: true }), true)
assert.equal(await new Switchover(['customer']).may(user, { ...question, panel: false }), true)
assert.equal(await new Switchover(['customer']).may(nowhere, { ...question, panel: true }), false)
assert.equal(await new Switchover([]).may(nowhere, { ...question, panel: true }), true)
await assert.rejects(client.as('a\r\nResellerd-User: b').me(), TypeError)
console.log('all calls work')
