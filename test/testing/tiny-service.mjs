// A service as small as one can be that has something to lose: it lets in whoever shows its one token, and fetches its keys each time.
import { createServer } from 'node:http';

const { PORT, TINY_TOKEN, KEYS_URL } = process.env;
createServer(async (request, response) => {
  if (request.url === '/healthz') return response.end('well');
  const keys = await fetch(KEYS_URL ?? '')
    .then((answer) => answer.text())
    .catch(() => null);
  const known = request.headers.authorization === `Bearer ${TINY_TOKEN}`;
  response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
  return response.end(JSON.stringify({ known, keys: keys !== null }));
}).listen(Number(PORT), '127.0.0.1');
