// A service that fails now and then, and more often while its keys are away: what a live test of the statistics needs, and no more.
// WELL and ILL are its failure rates with keys and without; what is asked of /steady never fails. Each answer names the instance by its port.
import { createServer } from 'node:http';

const { PORT, TINY_TOKEN, KEYS_URL, WELL, ILL } = process.env;
let hasKeys = true;

const refresh = async () => {
  hasKeys = await fetch(KEYS_URL ?? '')
    .then(async (answer) => {
      await answer.arrayBuffer();
      return answer.ok;
    })
    .catch(() => false);
  setTimeout(refresh, 250);
};
await refresh();

createServer((request, response) => {
  if (request.url === '/healthz') return response.end('well');
  if (request.headers.authorization !== `Bearer ${TINY_TOKEN}`) return response.writeHead(401).end();
  const fails = request.url !== '/steady' && Math.random() < Number(hasKeys ? WELL : ILL);
  const headers = { 'content-type': 'application/json', 'x-answered-by': PORT };
  return response.writeHead(fails ? 500 : 200, headers).end(JSON.stringify({ fails }));
}).listen(Number(PORT), '127.0.0.1');
