// @ts-check
// Asks resellerd what a user of a panel may see and do. It runs as it is; .ci/clients
// writes resellerd.d.mts and openapi.d.ts.
import http from 'node:http'
import https from 'node:https'

/** @typedef {import('./openapi.d.ts').components['schemas']} Schemas */
/** @typedef {{ status: number, headers: http.IncomingHttpHeaders, body: string }} Answer */
/** @typedef {Record<string, string | number | boolean | (string | number | boolean)[]>} Query */

/**
 * May the user do this? About an area if there is no id, else about a row.
 *
 * @typedef {object} Question
 * @property {string} action
 * @property {string} of an area such as cdr, or the type of a row such as customer
 * @property {string} [id] of the row
 * @property {Record<string, unknown>} [properties] of the row; of a row of the panel's own tables, account_id is its owner
 * @property {boolean} [panel] what the panel itself decided, for the report of disagreements
 */

/** resellerd refused a request: 404 is a row that does not exist for this user. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {Partial<Schemas['Problem']>} document as RFC 9457 defines it
   */
  constructor(status, document) {
    super(document.detail ?? document.title ?? 'Refused')
    this.name = 'Refused'
    this.status = status
    this.document = document
    /** The last part of the problem's type, such as not_found. */
    this.problem = document.type?.split(':').at(-1) ?? ''
    /** Codes of the policy. */
    this.reasons = document.reasons ?? []
  }
}

/** There is no answer. Show nothing then: never fall back to the panel's own data. */
export class Unavailable extends Error {
  /**
   * @param {string} message
   * @param {number} [retryAfter] seconds, if resellerd said when to try again
   * @param {unknown} [cause]
   */
  constructor(message, retryAfter = 0, cause) {
    super(message, { cause })
    this.name = 'Unavailable'
    this.retryAfter = retryAfter
  }
}

/** resellerd, as a panel calls it with its token. Connections are kept open. */
export class Client {
  #token
  #agent
  #where
  #timeout

  /**
   * @param {string} url http://127.0.0.1:8080, or unix:/run/resellerd.sock
   * @param {string} token
   * @param {{ timeout?: number }} [options] timeout: milliseconds for a whole request
   */
  constructor(url, token, { timeout = 2000 } = {}) {
    const { agent, where } = target(url)
    this.#token = token
    this.#agent = agent
    this.#where = where
    this.#timeout = timeout
  }

  /**
   * The user who is signed in to the panel. Take the id from the panel's session, never
   * from a value that a browser sent.
   *
   * @param {string} user id, or the external id that the panel gave the user
   * @param {{ ip?: string, jwt?: string }} [from] the address that the user acts from; the user's own token
   */
  as(user, { ip, jwt } = {}) {
    const headers = Object.entries({ 'Resellerd-User': user, 'Resellerd-Client-IP': ip, 'Resellerd-User-JWT': jwt })
    return new User(this, user, Object.fromEntries(headers.filter(([, value]) => value !== undefined)))
  }

  /**
   * Sends a request and answers whatever its status is.
   *
   * @param {string} method
   * @param {string} path with its query
   * @param {Record<string, string | undefined>} headers
   * @param {unknown} [body]
   * @returns {Promise<Answer>}
   * @throws {Unavailable} if there is no answer
   */
  send(method, path, headers, body) {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const all = {
      ...headers,
      Authorization: `Bearer ${this.#token}`,
      Accept: 'application/json',
      ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
    }
    return new Promise((resolve, reject) => {
      const fail = (/** @type {unknown} */ error) => reject(new Unavailable(`resellerd does not answer: ${error}`, 0, error))
      const options = { ...this.#where, path, method, headers: all, agent: this.#agent, signal: AbortSignal.timeout(this.#timeout) }
      const request = (this.#agent instanceof https.Agent ? https : http).request(options, (answer) => {
        const parts = /** @type {Buffer[]} */ ([])
        answer.on('data', (part) => parts.push(part))
        answer.on('error', fail)
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts).toString() }),
        )
      })
      request.on('error', fail)
      request.end(text)
    })
  }
}

/** A user of the panel: what it may do, and the rows that it sees. A failure throws, and never allows. */
export class User {
  /** The most questions of one request. */
  static #batch = 1000

  #client
  #headers

  /**
   * @param {Client} client
   * @param {string} id
   * @param {Record<string, string | undefined>} headers that name the user
   */
  constructor(client, id, headers) {
    this.#client = client
    this.#headers = headers
    this.id = id
  }

  /** @returns {Promise<Schemas['ActingUser']>} */
  async me() {
    return document(await this.request('GET', '/v1/me'))
  }

  /**
   * Whether the user may do this in an area, or to a row if there is an id.
   *
   * @param {string} action
   * @param {string} of
   * @param {string} [id]
   * @param {Record<string, unknown>} [properties]
   */
  async may(action, of, id, properties) {
    return (await this.mayEach([{ action, of, id, properties }]))[0]
  }

  /**
   * The answers to many questions, in their order. One request asks up to 1,000.
   *
   * @param {Question[]} questions
   */
  async mayEach(questions) {
    return (await this.decide(questions)).map((answer) => answer.allowed)
  }

  /**
   * The areas that the user may read, of those that the menu has.
   *
   * @param {string[]} areas
   */
  async menu(areas) {
    const may = await this.mayEach(areas.map((of) => ({ action: 'read', of })))
    return areas.filter((_, i) => may[i])
  }

  /**
   * Like mayEach, with the reasons of denials if they are asked for.
   *
   * @param {Question[]} questions
   * @param {{ reasons?: boolean }} [options]
   */
  async decide(questions, { reasons = false } = {}) {
    const decisions = []
    for (let i = 0; i < questions.length; i += User.#batch) {
      decisions.push(...(await this.#evaluate(questions.slice(i, i + User.#batch), reasons)))
    }
    return decisions
  }

  /** @returns {Rows<Schemas['Account'], Schemas['AccountCreate'], Schemas['AccountUpdate']>} */
  accounts() {
    return new Rows(this, '/v1/accounts')
  }

  /** @returns {Rows<Schemas['Group'], Schemas['GroupCreate'], Schemas['GroupUpdate']>} */
  groups() {
    return new Rows(this, '/v1/groups')
  }

  /** @returns {Rows<Schemas['User'], Schemas['UserCreate'], Schemas['UserUpdate']>} */
  users() {
    return new Rows(this, '/v1/users')
  }

  /** @returns {Rows<Schemas['Customer'], Schemas['CustomerCreate'], Schemas['CustomerUpdate']>} */
  customers() {
    return new Rows(this, '/v1/customers')
  }

  /** @returns {Rows<Schemas['Card'], Schemas['CardCreate'], Schemas['CardUpdate']>} */
  cards() {
    return new Rows(this, '/v1/cards')
  }

  /** @returns {Rows<Schemas['AuditEntry'], never, never>} */
  audit() {
    return new Rows(this, '/v1/audit')
  }

  /**
   * The rates of a card: what they cost, or what they sell for, as the user sees the card.
   *
   * @param {string} card
   * @returns {Rows<Schemas['Rate'], never, never>}
   */
  rates(card) {
    return new Rows(this, `/v1/cards/${encodeURIComponent(card)}/rates`)
  }

  /**
   * Sends any request of /v1 in the name of the user.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   */
  request(method, path, body, headers = {}) {
    return this.#client.send(method, path, { ...headers, ...this.#headers }, body)
  }

  /**
   * @param {Question[]} questions
   * @param {boolean} reasons
   */
  async #evaluate(questions, reasons) {
    const { 'Resellerd-User': _, ...headers } = this.#headers
    const body = { subject: { type: 'user', id: this.id }, evaluations: questions.map(evaluation) }
    const sent = this.#client.send('POST', '/access/v1/evaluations', { ...headers, ...(reasons && { 'Resellerd-Reasons': 'true' }) }, body)
    const answers = document(await sent).evaluations
    if (answers?.length !== questions.length) {
      throw new Unavailable('resellerd has not answered every question.')
    }
    return answers.map((/** @type {Schemas['EvaluationResponse']} */ answer) => ({
      allowed: answer.decision === true,
      reasons: /** @type {string[]} */ (answer.context?.reasons ?? []),
    }))
  }
}

/**
 * The rows of one collection, as one user sees them. Each has an etag: the version that the user saw.
 *
 * @template Row, New, Change
 */
export class Rows {
  #user
  #path

  /**
   * @param {User} user
   * @param {string} path
   */
  constructor(user, path) {
    this.#user = user
    this.#path = path
  }

  /**
   * @param {Query} [query] such as { status: 'active', sort: '-name', count: true }
   * @returns {Promise<{ items: Row[], next?: string, prev?: string, total?: number }>}
   */
  async list(query = {}) {
    const parts = Object.entries(query).flatMap(([name, values]) => [values].flat().map((value) => [name, String(value)]))
    const search = new URLSearchParams(parts).toString()
    return document(await this.#user.request('GET', this.#path + (search && `?${search}`)))
  }

  /**
   * The rows of all pages.
   *
   * @param {Query} [query]
   * @returns {AsyncGenerator<Row>}
   */
  async *each(query = {}) {
    for (let next = /** @type {string | undefined} */ (''); next !== undefined; ) {
      const page = await this.list({ limit: 1000, ...query, ...(next && { cursor: next }) })
      yield* page.items
      next = page.next
    }
  }

  /**
   * @param {string} id
   * @returns {Promise<Row & { etag?: string }>}
   */
  async get(id) {
    return row(await this.#user.request('GET', this.#one(id)))
  }

  /**
   * @param {New} fields
   * @param {string} [key] repeats the request safely: resellerd writes once for each key
   * @returns {Promise<Row & { etag?: string }>}
   */
  async create(fields, key) {
    return row(await this.#user.request('POST', this.#path, fields, key === undefined ? {} : { 'Idempotency-Key': key }))
  }

  /**
   * @param {string} id
   * @param {Change} fields the fields that change
   * @param {string} [etag] of the row that the user saw; if the row has changed since, Refused has the status 412
   * @returns {Promise<Row & { etag?: string }>}
   */
  async change(id, fields, etag) {
    return row(await this.#user.request('PATCH', this.#one(id), fields, ifMatch(etag)))
  }

  /**
   * @param {string} id
   * @param {string} [etag]
   */
  async delete(id, etag) {
    document(await this.#user.request('DELETE', this.#one(id), undefined, ifMatch(etag)))
  }

  /** @param {string} id */
  #one(id) {
    return `${this.#path}/${encodeURIComponent(id)}`
  }
}

/** Puts resellerd beside a panel that already decides by itself, area by area. */
export class Switchover {
  #enforced

  /** @param {Iterable<string>} enforced the areas, and types of rows, in which resellerd decides */
  constructor(enforced) {
    this.#enforced = new Set(enforced)
  }

  /**
   * @param {User} user
   * @param {Question & { panel: boolean }} question with what the panel itself decided
   */
  async may(user, question) {
    const ours = await user.mayEach([question]).then(
      ([allowed]) => allowed,
      () => false, // where resellerd decides, a failure denies
    )
    return this.#enforced.has(question.of) ? ours : question.panel
  }
}

/** @param {string} url */
function target(url) {
  if (url.startsWith('unix:')) {
    return { agent: new http.Agent({ keepAlive: true }), where: { socketPath: url.slice(5), host: 'localhost' } }
  }
  const { protocol, hostname, port } = new URL(url)
  const agent = new (protocol === 'https:' ? https : http).Agent({ keepAlive: true })
  return { agent, where: { host: hostname.replace(/^\[|\]$/g, ''), port } }
}

/**
 * The question as AuthZEN writes it, without the subject.
 *
 * @param {Question} question
 */
function evaluation({ action, of, id, properties, panel }) {
  const resource = id === undefined ? { type: 'area', id: of } : { type: of, id }
  return {
    action: { name: action },
    resource: properties ? { ...resource, properties } : resource,
    ...(panel !== undefined && { context: { panel_decision: panel } }),
  }
}

/**
 * The document of an answer that succeeded. A 204 has none: {}.
 *
 * @param {Answer} answer
 */
function document({ status, headers, body }) {
  let value
  try {
    value = body === '' ? {} : JSON.parse(body)
  } catch (error) {
    throw new Unavailable(`The answer with status ${status} is not JSON.`, 0, error)
  }
  if (status >= 500 || status === 408 || status === 429) {
    throw new Unavailable(`resellerd answered ${status}: ${value.detail ?? value.title ?? ''}`, Number(headers['retry-after'] ?? 0))
  }
  if (status >= 300) {
    throw new Refused(status, value)
  }
  return value
}

/** @param {Answer} answer */
function row(answer) {
  return { etag: answer.headers.etag, ...document(answer) }
}

/**
 * @param {string} [etag]
 * @returns {Record<string, string>}
 */
function ifMatch(etag) {
  return etag === undefined ? {} : { 'If-Match': etag }
}
