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

  async ask(method, path, body) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        'Authorization': `Bearer ${this.token}`,
        'Resellerd-User': this.user,
        'Content-Type': 'application/json',
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(5000), // show nothing when resellerd does not answer
    })
    const document = await answer.json()
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

// A list holds what this user may see, and nothing tells how much else there is.
const customers = await resellerd.get('/v1/customers', { status: 'active', sort: 'name', limit: 3, count: true })
console.log(`${customers.total} active customers, the first of them:`)
for (const customer of customers.items) {
  const buttons = (await resellerd.may('delete', 'customer', customer.id)) ? '[edit] [delete]' : '[edit]'
  console.log(`  ${customer.name} ${buttons}`)
}

try {
  const seen = await resellerd.get(`/v1/cards/${encodeURIComponent(card)}`)
  console.log(`${seen.kind} card "${seen.name}", ${seen.revision.rows} rates`)
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused
  // 404: not there, or not for this user; the panel cannot tell and need not.
  console.log(refused.problem.status === 404 ? 'no such card' : `refused: ${refused.problem.reasons ?? []}`)
}
