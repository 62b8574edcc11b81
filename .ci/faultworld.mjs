// The world of .ci/faults: instances of resellerd that a supervisor starts again, a
// PostgreSQL that can be stopped, a load, and the counts of what went wrong.
import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { ask, port, postgres, postgresBin, until, wait } from './process.mjs'

export const token = 'a-token-of-the-panel-for-one-run'
export const panel = { Authorization: `Bearer ${token}` }
export const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

// makePostgres starts a PostgreSQL in a folder of its own. With the folder of another
// server, it follows that server as a standby.
export async function makePostgres(dir, name, { of, options = '' } = {}) {
  const [owner, bin] = [postgres(), postgresBin()]
  const db = { port: await port(), data: join(dir, name) }
  const as = (command, ...args) => execFileSync(join(bin, command), args, { ...owner, cwd: dir, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  mkdirSync(db.data, { mode: 0o700 })
  chownSync(db.data, owner.uid, owner.gid)
  const at = (database) => ['-h', '127.0.0.1', '-p', db.port, '-U', 'postgres', '-d', database]
  db.sql = (text, database = 'resellerd') => run(join(bin, 'psql'), ...at(database), '-v', 'ON_ERROR_STOP=1', '-Atc', text).trim()
  db.session = (start, text) => start('psql', join(bin, 'psql'), [...at('resellerd'), '-c', text])
  db.start = (more = options) => as('pg_ctl', '-D', db.data, '-w', '-t', '120', '-l', join(db.data, 'log'), 'start', '-o', `-p ${db.port} -k ${db.data} -c fsync=off -c max_connections=80 ${more}`)
  db.stop = () => as('pg_ctl', '-D', db.data, '-w', '-m', 'fast', 'stop')
  db.pids = () => {
    const first = readFileSync(join(db.data, 'postmaster.pid'), 'utf8').split('\n')[0]
    return [first, ...run('ps', '-o', 'pid=', '--ppid', first).trim().split(/\s+/)].map(Number)
  }
  db.signal = (signal) => {
    for (const pid of db.pids()) {
      try {
        process.kill(pid, signal)
      } catch (err) {
        if (err.code !== 'ESRCH') throw err // the process has ended by itself
      }
    }
  }
  db.kill = async () => {
    const pids = db.pids()
    db.signal('SIGKILL')
    await until('PostgreSQL has died', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))))
    rmSync(join(db.data, 'postmaster.pid'), { force: true })
  }
  db.copy = (to) => cpSync(db.data, to, { recursive: true, preserveTimestamps: true })
  db.restore = (from) => {
    rmSync(db.data, { recursive: true })
    run('cp', '-a', from, db.data)
    run('chown', '-R', `${owner.uid}:${owner.gid}`, db.data)
  }
  if (of) as('pg_basebackup', '-h', '127.0.0.1', '-p', of.port, '-U', 'postgres', '-D', db.data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync')
  else as('initdb', '-D', db.data, '-U', 'postgres', '-A', 'trust', '--no-sync')
  db.start()
  if (!of) {
    db.sql('CREATE ROLE resellerd LOGIN', 'postgres')
    db.sql('CREATE DATABASE resellerd OWNER resellerd', 'postgres')
  }
  return db
}

export const postgresURL = (...ports) =>
  `postgres://resellerd@${ports.map((p) => `127.0.0.1:${p}`).join(',')}/resellerd?sslmode=disable&connect_timeout=2${ports.length > 1 ? '&target_session_attrs=read-write' : ''}`

// proxy forwards connections to a port of this machine. While it is cut, it forwards
// nothing and closes nothing, like a network without a route.
export async function proxy(to) {
  const pairs = new Set()
  const p = { port: await port(), cut: false }
  p.cutOff = (cut) => {
    p.cut = cut
    for (const socket of pairs) cut ? socket.pause() : socket.resume()
  }
  p.server = net.createServer((from) => {
    const other = net.connect(to, '127.0.0.1')
    for (const [a, b] of [[from, other], [other, from]]) {
      pairs.add(a)
      a.on('data', (part) => b.write(part)).on('error', () => {}).on('close', () => (pairs.delete(a), p.cut || b.destroy()))
      if (p.cut) a.pause()
    }
  }).listen(p.port, '127.0.0.1')
  return p
}

// small is a disk of its own of some megabytes. fill leaves no room on it, and free gives
// the room back.
export function small(dir, name, megabytes) {
  const at = join(dir, name)
  mkdirSync(at, { mode: 0o777 })
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'small', at)
  return {
    at,
    fill() {
      try {
        run('dd', 'if=/dev/zero', `of=${join(at, 'filler')}`, 'bs=4k')
      } catch (err) {
        if (!/No space left/.test(err.stderr)) throw err
      }
    },
    free: () => rmSync(join(at, 'filler'), { force: true }),
    unmount: () => run('umount', '-l', at),
  }
}

// makeWorld starts instances over a store, and a load on them. options: program, database,
// databases (one for each instance), number (of instances), args, env, logs (the folder of decision
// logs), made (what init printed).
export async function makeWorld(dir, start, options) {
  const { made, number = 1 } = options
  const w = { dir, start, made, program: options.program, instances: [], counts: { answers: 0, allowed: 0, denied: 0, wrong: 0, written: 0, known: 0 } }
  const { counts } = w
  const admin = { ...panel, 'Resellerd-User': 'admin' }

  // A supervisor starts an instance again when it ends.
  let supervising = true
  const supervise = (i) => {
    const one = w.instances[i]
    one.process = start(`resellerd-${i}`, w.program, ['serve', '--database', options.databases?.[i] ?? options.database, '--listen', `127.0.0.1:${one.at}`,
      '--metrics-listen', `127.0.0.1:${one.operations}`, '--panel-tokens', `${made.account_id}:${token} data decide write`,
      '--decision-log', one.log, '--decision-log-mode', 'sync', ...(options.args?.(i) ?? [])], { env: { ...process.env, RESELLERD_DRAIN_TIME: '0s', ...options.env } })
    one.ended = new Promise((resolve) => one.process.once('exit', resolve)).then(async () => {
      if (!supervising) return
      await wait(100)
      if (supervising) supervise(i)
    })
  }
  for (let i = 0; i < number; i++) {
    const logs = join(options.logs ?? dir, `decisions-${i}`)
    mkdirSync(logs)
    w.instances.push({ at: await port(), operations: await port(), logs, log: join(logs, 'log'), lastWrite: 0, lastAllowed: 0, allowed: 0 })
    supervise(i)
  }
  w.ready = async (i) => (await ask(w.instances[i].operations, '/readyz')).status === 200
  for (const i of w.instances.keys()) await until(`instance ${i} is ready`, () => w.ready(i))

  w.kill = async (i, signal = 'SIGKILL') => {
    const { process: child, ended } = w.instances[i]
    child.kill(signal)
    await ended
  }
  w.ask = (method, path, body, i = 0) =>
    ask(w.instances[i].at, path, { method, headers: { ...admin, ...(typeof body === 'string' && { 'Content-Type': 'text/csv' }) }, body })
  w.must = async (method, path, body, i) => {
    const { status, text } = await w.ask(method, path, body, i)
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`)
    return JSON.parse(text || '{}')
  }
  const user = async (login) => (await w.must('POST', '/v1/users', { login, groups: [made.group_id] })).id
  const [guest, leaver] = [await user('guest@halyard.example'), await user('leaver@halyard.example')]

  // The load. An answer counts only with status 200.
  const answered = []
  const evaluate = async (i, id, headers = {}) => {
    const { status, text, headers: got } = await ask(w.instances[i].at, '/access/v1/evaluation', { method: 'POST', headers: { ...panel, ...headers },
      body: { subject: { type: 'user', id }, action: { name: 'read' }, resource: { type: 'area', id: 'customer' } } })
    if (status !== 200) return
    counts.answers++
    answered.push(got['resellerd-decision-id'])
    const { decision } = JSON.parse(text)
    counts[decision ? 'allowed' : 'denied']++
    return decision
  }
  let going = true
  let history = 0 // raised when the store goes back to an earlier state
  let kept = new Set()
  const write = async (i) => {
    for (let n = 0; going; n++) {
      const name = `customer ${i} ${n}`
      const begun = Date.now()
      const { status } = await w.ask('POST', '/v1/customers', { name }, i)
      if (status === 201) {
        counts.written++
        kept.add(name)
        w.instances[i].lastWrite = begun
      } else await wait(20)
    }
  }
  const administrate = async (i) => {
    for (; going; await wait(10)) {
      const begun = Date.now()
      const allow = await evaluate(i, made.user_id)
      if (allow && w.denied !== undefined && begun > w.denied) counts.wrong++
      if (allow) Object.assign(w.instances[i], { lastAllowed: begun, allowed: w.instances[i].allowed + 1 })
    }
  }
  const set = (id, status, i) => w.ask('PATCH', `/v1/users/${id}`, { status }, i)
  // An answer must be at least as new as the disabling of its user.
  const toggle = async () => {
    for (let n = 0, disabled = true; going; disabled = !disabled) {
      const { status, headers } = await set(guest, disabled ? 'disabled' : 'active', n++ % number)
      if (status !== 200) {
        await wait(20) // It may be stored or not, so nothing is known until the next one succeeds.
        continue
      }
      for (let n = 0; going && n < 12; n++) {
        const allow = await evaluate(n % number, guest, { 'Resellerd-At-Least': headers['resellerd-revision'] })
        if (allow && disabled) counts.wrong++
      }
    }
  }
  // Without that, a request that begins two seconds after the disabling must not be allowed.
  const leave = async () => {
    for (let n = 0; going; n++) {
      const { status } = await set(leaver, 'disabled', n % number)
      if (status !== 200) {
        await wait(20)
        continue
      }
      const [stored, then] = [performance.now(), history]
      while (going && then === history && performance.now() < stored + 3500) {
        await wait(50)
        for (const i of w.instances.keys()) {
          const late = performance.now() > stored + 2000
          const allow = await evaluate(i, leaver)
          if (allow && late && then === history) counts.wrong++
        }
      }
      while (going && (await set(leaver, 'active', n % number)).status !== 200) await wait(20)
    }
  }
  const loads = [...w.instances.keys()].flatMap((i) => [write(i), administrate(i)]).concat(toggle(), leave())

  // settled returns the milliseconds from the end of a fault until each instance is
  // ready, allows and writes again.
  w.settled = async (fault) => {
    await until('every instance allows and writes again', async () => {
      for (const [i, one] of w.instances.entries()) {
        if (one.lastWrite < fault || one.lastAllowed < fault || !(await w.ready(i))) return false
      }
      return true
    })
    return Date.now() - fault
  }
  // A store that goes back to a copy loses the writes since then.
  w.copied = () => {
    const before = new Set(kept)
    return () => {
      history++
      counts.known += kept.size - before.size
      kept = before
    }
  }
  w.metric = async (i, pattern) => {
    let sum = 0
    for (const [, value] of (await ask(w.instances[i].operations, '/metrics')).text.matchAll(new RegExp(`^${pattern} (\\S+)$`, 'gm'))) sum += Number(value)
    return sum
  }

  // abandon ends everything, also in the middle of a fault.
  w.abandon = () => {
    going = supervising = false
    for (const one of w.instances) one.process.kill('SIGKILL')
  }
  // finish ends the load and counts what went wrong.
  w.finish = async () => {
    going = false
    await Promise.all(loads)
    const stored = new Set()
    for (let cursor = ''; cursor !== null; ) {
      const page = await w.must('GET', `/v1/customers?limit=1000${cursor && `&cursor=${cursor}`}`)
      for (const { name } of page.items) stored.add(name)
      cursor = page.next ?? null
    }
    counts.lost = [...kept].filter((name) => !stored.has(name)).length
    const entries = new Set()
    counts.difference = 0
    for (const [i, one] of w.instances.entries()) {
      const decided = await w.metric(i, 'resellerd_decisions_total\\{.*\\}')
      const dropped = await w.metric(i, 'resellerd_decision_log_entries_total\\{result="dropped"\\}')
      supervising = false
      await w.kill(i, 'SIGTERM')
      let sinceStart = 0
      for (const line of logFiles(one).flatMap((file) => readFileSync(file, 'utf8').split('\n'))) {
        const { event, decision_id: id } = whole(line)
        if (event === 'started') sinceStart = 0
        if (!id) continue
        sinceStart++
        entries.add(id)
      }
      counts.difference += Math.abs(decided - dropped - sinceStart)
    }
    counts.difference += answered.filter((id) => !entries.has(id)).length
    return counts
  }
  return w
}

// whole returns the object of a line, and an empty one for a line that a kill cut off.
function whole(line) {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}

// logFiles returns the files of an instance's decision log, the oldest first.
export const logFiles = ({ logs, log }) => [...readdirSync(logs).filter((name) => /^log\.\d+$/.test(name)).sort().map((name) => join(logs, name)), log]
