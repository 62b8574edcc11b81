// What a page of the panel shows to one of its users: node panel.mjs USER CARD

/** A refusal, with the code that the panel acts on. */
class Refused extends Error {
  constructor(problem) {
    super(problem.title)
    this.problem = problem
  }
}

/** Asks resellerd in the name of the user who is signed in. */
class Resellerd {
  /** The ETag of the last answer: the row as this user saw it. */
  etag = null

  constructor(url, token, user) {
    Object.assign(this, { url, token, user })
  }

  get(path, query = {}) {
    const search = new URLSearchParams(query).toString()
    return this.ask('GET', search ? `${path}?${search}` : path)
  }

  /** May the user do this? For a button, or before the panel's own work. */
  async may(action, type, id) {
    const { decision } = await this.ask('POST', '/access/v1/evaluation', {
      subject: { type: 'user', id: this.user },
      action: { name: action },
      resource: { type, id },
    })
    return decision
  }

  /** Changes fields of a row, if it is still the row with this ETag. */
  change(path, fields, etag) {
    return this.ask('PATCH', path, fields, { 'If-Match': etag })
  }

  async ask(method, path, body, headers = {}) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        'Authorization': `Bearer ${this.token}`,
        'Resellerd-User': this.user,
        'Content-Type': 'application/json',
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(5000), // show nothing when resellerd does not answer
    })
    this.etag = answer.headers.get('ETag')
    const document = answer.status === 204 ? {} : await answer.json() // 204 has no body
    if (!answer.ok) throw new Refused(document)
    return document
  }
}

const [user, card] = process.argv.slice(2)
const { RESELLERD_URL: url, RESELLERD_TOKEN: token } = process.env
if (!card || !url || !token) {
  console.log('usage: RESELLERD_URL=… RESELLERD_TOKEN=… node panel.mjs USER CARD')
  process.exit(2)
}
const resellerd = new Resellerd(url, token, user)

const me = await resellerd.get('/v1/me')
console.log(`${user} works in ${me.mode} mode`)

// A list holds what this user may see. Nothing in it tells how many other rows exist.
const customers = await resellerd.get('/v1/customers', { status: 'active', sort: 'name', limit: 3, count: true })
console.log(`${customers.total} active customers, the first of them:`)
for (const customer of customers.items) {
  const buttons = (await resellerd.may('delete', 'customer', customer.id)) ? '[edit] [delete]' : '[edit]'
  console.log(`  ${customer.name} ${buttons}`)
}

// A write sends the ETag of the row that the user saw.
const path = `/v1/customers/${encodeURIComponent(customers.items[0].id)}`
const row = await resellerd.get(path)
try {
  await resellerd.change(path, { notes: 'Call in the morning.' }, resellerd.etag)
  console.log(`the note on ${row.name} is saved`)
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused
  // 412: somebody changed the row in between. Show it again, and ask the user.
  console.log(refused.problem.status === 412 ? `${row.name} has changed` : `refused: ${refused.message}`)
}

try {
  const seen = await resellerd.get(`/v1/cards/${encodeURIComponent(card)}`)
  console.log(`${seen.kind} card "${seen.name}", ${seen.revision.rows} rates`)
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused
  // 404: the card does not exist, or not for this user. The panel cannot tell them apart.
  console.log(refused.problem.status === 404 ? 'no such card' : `refused: ${refused.problem.reasons ?? []}`)
}
