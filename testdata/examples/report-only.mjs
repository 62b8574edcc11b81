// Lets the panel decide as before, and tells resellerd what it decided:
// node report-only.mjs [AREA…]    areas that resellerd decides already

import { pathToFileURL } from 'node:url'

/** Decides for the panel, area by area. */
export class Switchover {
  /** enforced has the areas in which resellerd decides. */
  constructor(url, token, enforced) {
    Object.assign(this, { url, token, enforced: new Set(enforced) })
  }

  /** Whether the user may do this. panel is what the panel itself decided. */
  async may(user, action, area, panel) {
    const ours = await this.ask(user, action, area, panel)
    return this.enforced.has(area) ? ours : panel
  }

  /** False if resellerd denies, or does not answer. */
  async ask(user, action, area, panel) {
    try {
      const answer = await fetch(`${this.url}/access/v1/evaluation`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({
          subject: { type: 'user', id: user },
          action: { name: action },
          resource: { type: 'area', id: area },
          context: { panel_decision: panel },
        }),
        signal: AbortSignal.timeout(500), // a page that only reports does not wait longer
      })
      return (await answer.json()).decision === true
    } catch {
      return false
    }
  }
}

// What the panel decided until now. Replace this with the panel's own check.
const panel = [
  ['brightcall-owner', 'read', 'cdr', true],
  ['brightcall-owner', 'delete', 'customer', true],
  ['brightcall-sales', 'delete', 'customer', true],
  ['brightcall-sales', 'read', 'cdr', true],
  ['brightcall-owner', 'read', 'routing', false],
]
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { RESELLERD_URL, RESELLERD_TOKEN } = process.env
  const switchover = new Switchover(RESELLERD_URL, RESELLERD_TOKEN, process.argv.slice(2))
  for (const [user, action, area, allows] of panel) {
    console.log(`${user} ${action} ${area}: ${(await switchover.may(user, action, area, allows)) ? 'yes' : 'no'}`)
  }
}
