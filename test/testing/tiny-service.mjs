// A service as small as one can be that has something to lose: it lets in whoever shows its one token, and fetches its keys each time.
// With TINY_OPEN it lets in everybody, with TINY_LAX whoever comes while its keys cannot be had, and with TINY_BRITTLE it fails users then. It
// counts its answers, those to Haldane's own requests apart.
import { createServer } from 'node:http';

const { PORT, HOST = '127.0.0.1', TINY_TOKEN, TINY_OPEN, TINY_LAX, TINY_BRITTLE, KEYS_URL } = process.env;
const began = Date.now() / 1000;
const counters = new Map();
createServer(async (request, response) => {
  if (request.url === '/healthz') return response.end('well');
  if (request.url === '/metrics') {
    const lines = [...counters].map(([labels, count]) => `http_requests_total{${labels}} ${count}\n`);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    return response.end(`${lines.join('')}process_start_time_seconds ${began}\n`);
  }
  const keys = await fetch(KEYS_URL ?? '')
    .then((answer) => (answer.ok ? answer.text() : null))
    .catch(() => null);
  const synthetic = request.headers['x-haldane-arm'] !== undefined;
  const known =
    TINY_OPEN !== undefined || (TINY_LAX !== undefined && keys === null) || request.headers.authorization === `Bearer ${TINY_TOKEN}`;
  const fails = TINY_BRITTLE !== undefined && keys === null && !synthetic;
  const status = fails ? 503 : known ? 200 : 401;
  const labels = `code="${status}"${synthetic ? ',synthetic="true"' : ''}`;
  counters.set(labels, (counters.get(labels) ?? 0) + 1);
  response.writeHead(status, { 'content-type': 'application/json' });
  return response.end(JSON.stringify({ known, keys: keys !== null }));
}).listen(Number(PORT), HOST);
