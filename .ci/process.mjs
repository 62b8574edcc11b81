// What scripts share that start servers: processes, ports, requests and waits.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const number = (flag) => Number(execFileSync('id', [flag, 'postgres']))
export const postgres = () => ({ uid: number('-u'), gid: number('-g') })
export const postgresBin = () => `/usr/lib/postgresql/${readdirSync('/usr/lib/postgresql').sort((a, b) => b - a)[0]}/bin`
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// ask sends a request and returns {status, headers, text}; status is 0 without an answer.
export const ask = (port, path, { method = 'GET', headers = {}, body, tls = false } = {}) =>
  new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, method, timeout: 20_000, rejectUnauthorized: false }
    options.headers = { 'Content-Type': 'application/json', ...headers }
    const r = (tls ? https : http).request(options, (answer) => {
      let text = ''
      answer.on('data', (part) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }))
      answer.on('error', () => resolve({ status: 0 }))
    })
    r.on('timeout', () => r.destroy())
    r.on('error', () => resolve({ status: 0 }))
    r.end(typeof body === 'object' ? JSON.stringify(body) : body)
  })

// until returns the first result of done that is true.
export const until = async (what, done, ms = 120_000) => {
  for (const late = Date.now() + ms; ; await wait(50)) {
    const result = await done()
    if (result) return result
    if (Date.now() > late) throw new Error(`still not: ${what}`)
  }
}

// port returns a free one.
export const port = () =>
  new Promise((resolve) => {
    const s = http.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => resolve(port))
    })
  })

// within runs a script in a new folder. It passes start(NAME, COMMAND, ARGUMENTS), whose
// output is in NAME.log. After an error it prints the ends of these files. At the end, all
// processes are stopped: those of Patroni first get time to stop their servers.
export const within = async (name, script) => {
  const dir = mkdtempSync(join(tmpdir(), `resellerd-${name}-`))
  chmodSync(dir, 0o755)
  const children = new Set()
  const start = (as, command, args, options = {}) => {
    const log = openSync(join(dir, `${as}.log`), 'a')
    const child = spawn(command, args, { stdio: ['ignore', log, log], ...options })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }
  try {
    await script(dir, start)
  } catch (err) {
    console.error(err)
    for (const file of readdirSync(dir).filter((n) => n.endsWith('.log'))) {
      console.error(`== ${file}\n${readFileSync(join(dir, file), 'utf8').split('\n').slice(-8).join('\n')}`)
    }
    process.exitCode = 1
  } finally {
    for (const child of children) child.kill(child.spawnfile === 'patroni' ? 'SIGTERM' : 'SIGKILL')
    for (const late = Date.now() + 20_000; children.size > 0 && Date.now() < late; ) await wait(100)
    for (const child of children) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
    process.exit()
  }
}
