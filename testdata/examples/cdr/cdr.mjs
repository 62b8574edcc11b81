// A page of call records for one user, with Knex:
// page(knex({ client: 'pg', connection }), 'brightcall-owner')
const columns = { id: { column: 'cdr.id', type: 'integer' }, account_id: 'cdr.account', called: 'cdr.called', price: 'cdr.price' };
const names = { id: 'cdr.id', account_id: 'cdr.account', called: 'cdr.called', price: 'cdr.price' };
const dialects = { pg: 'postgres', mysql: 'mysql', mysql2: 'mysql', sqlite3: 'sqlite', 'better-sqlite3': 'sqlite' };

// filterFor asks resellerd once for the page. A failure throws: no filter, no rows.
export async function filterFor(user, client) {
  const answer = await fetch(`${process.env.RESELLERD_URL}/v1/filters`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${process.env.RESELLERD_TOKEN}` },
    body: JSON.stringify({ user, area: 'cdr', dialect: dialects[client], placeholders: 'question', columns }),
    signal: AbortSignal.timeout(2000),
  });
  if (!answer.ok) throw new Error(`resellerd gave no filter: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

export async function page(db, user, offset = 0) {
  const filter = await filterFor(user, db.client.config.client);
  const rows = () => db('cdr').whereRaw(filter.sql, filter.args);
  const shown = Object.fromEntries(filter.columns.map((name) => [name, names[name]]));
  return {
    count: await rows().count({ n: '*' }),
    rows: await rows().select(shown).orderBy('cdr.id').limit(50).offset(offset),
    export: () => rows().select(shown).orderBy('cdr.id').stream(),
  };
}
