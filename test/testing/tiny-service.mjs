// A service as small as one can be that has something to lose: it lets in whoever shows its one token, and fetches its keys each time.
// With TINY_OPEN it lets in everybody, with TINY_LAX whoever comes while its keys cannot be had.
import { createServer } from 'node:http';

const { PORT, HOST = '127.0.0.1', TINY_TOKEN, TINY_OPEN, TINY_LAX, KEYS_URL } = process.env;
createServer(async (request, response) => {
  if (request.url === '/healthz') return response.end('well');
  const keys = await fetch(KEYS_URL ?? '')
    .then((answer) => (answer.ok ? answer.text() : null))
    .catch(() => null);
  const known =
    TINY_OPEN !== undefined || (TINY_LAX !== undefined && keys === null) || request.headers.authorization === `Bearer ${TINY_TOKEN}`;
  response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
  return response.end(JSON.stringify({ known, keys: keys !== null }));
}).listen(Number(PORT), HOST);
