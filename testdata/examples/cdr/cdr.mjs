// A page of call records for one user, with Knex: node cdr.mjs CLIENT DATABASE USER
import knex from 'knex';

const columns = { id: { column: 'cdr.id', type: 'integer' }, account_id: 'cdr.account', called: 'cdr.called', price: 'cdr.price' };
const names = { id: 'cdr.id', account_id: 'cdr.account', called: 'cdr.called', price: 'cdr.price' };
const dialects = { pg: 'postgres', mysql: 'mysql', mysql2: 'mysql', sqlite3: 'sqlite', 'better-sqlite3': 'sqlite' };

// filterFor asks resellerd once for the page. A failure throws: no filter, no rows.
async function filterFor(user, client) {
  const answer = await fetch(`${process.env.RESELLERD_URL}/v1/filters`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${process.env.RESELLERD_TOKEN}` },
    body: JSON.stringify({ user, area: 'cdr', dialect: dialects[client], placeholders: 'question', columns }),
    signal: AbortSignal.timeout(2000),
  });
  if (!answer.ok) throw new Error(`resellerd gave no filter: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const [client, connection, user] = process.argv.slice(2);
const db = knex({ client, connection });
try {
  const filter = await filterFor(user, client);
  const rows = () => db('cdr').whereRaw(filter.sql, filter.args);
  const shown = Object.fromEntries(Object.entries(names).filter(([name]) => filter.columns.includes(name)));
  const [{ n }] = await rows().count({ n: '*' });
  console.log(`count: ${n}`);
  const list = () => rows().select(shown).orderBy('cdr.id');
  const line = (row) => Object.keys(shown).map((name) => row[name]).join(',');
  for (const row of await list().limit(2).offset(1)) console.log(`page: ${line(row)}`);
  for (const row of await list()) console.log(line(row));
} finally {
  await db.destroy();
}
