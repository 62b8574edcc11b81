// Lets the made-up panel decide for each of its users, and asks resellerd beside it:
// node decide.mjs FOLDER [AREA…]    the folder of start.sh, and the areas that resellerd decides already
import { execFileSync } from 'node:child_process'
import { Switchover } from '../report-only.mjs'

const [folder, ...enforced] = process.argv.slice(2)
const { RESELLERD_URL, RESELLERD_TOKEN } = process.env
const switchover = new Switchover(RESELLERD_URL, RESELLERD_TOKEN, enforced)

const rows = (query) => execFileSync('mariadb', ['--no-defaults', `--socket=${folder}/socket`, '-NB', 'panel', '-e', query], { encoding: 'utf8' })
  .trim().split('\n').map((line) => line.split('\t'))
const rights = new Map(rows('SELECT group_id, page, can_view, can_add, can_edit, can_drop FROM group_rights')
  .map(([group, page, ...flags]) => [`${group} ${page}`, flags]))
const pages = { customer: 'customers', cdr: 'cdr', routing: 'routing' }
const actions = ['read', 'create', 'update', 'delete']

/** What the panel decides by itself, with its faults. */
function allows(group, reseller, area, action) {
  if (group === '0') return true // nobody has thought of users without a group
  if (reseller !== '0' && area === 'customer' && action === 'delete') return false // a rule in its code
  return rights.get(`${group} ${pages[area]}`)?.[actions.indexOf(action)] === '1'
}

await switchover.ask('U1', 'read', 'customer') // the first question takes longest, and is not compared
for (const [id, name, group, reseller] of rows('SELECT id, full_name, group_id, reseller_id FROM users WHERE disabled = 0 ORDER BY id')) {
  const parts = []
  for (const area of Object.keys(pages)) {
    const may = []
    for (const action of actions) {
      if (await switchover.may(`U${id}`, action, area, allows(group, reseller, area, action))) may.push(action)
    }
    parts.push(`${area}: ${may.join(' ') || '-'}`)
  }
  console.log(`${name}  ${parts.join('  ')}`)
}
