import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { egress } from './index.ts';
import { isPublicAddress, isSecretTelling } from './public-address.ts';

/** A server of this machine that keeps what it was asked for. */
async function receiver(
  t: Test,
  reply: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => void response.end('ok'),
) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    reply(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { seen, port, url: `http://127.0.0.1:${port}` };
}

const soon = () => AbortSignal.timeout(10_000);
const codeOf = (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
  promise.then(
    () => ({ code: 'resolved', message: '' }),
    (error: { code: string; message: string }) => error,
  );

test('only addresses of the public internet are public', async (t) => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])
    t.equal(isPublicAddress(address), true, address);
  const inner = [
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
  ];
  const odd = ['224.0.0.1', '255.255.255.255', '240.0.0.1', '::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1'];
  const dressed = ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::a00:1', '2002:7f00:1::', '2001:0:1::', '2001:db8::1', 'no address', ''];
  for (const address of [...inner, ...odd, ...dressed]) t.equal(isPublicAddress(address), false, address);
});

test('nothing is sent into one’s own network, however it is written, unless the host is allowed', async (t) => {
  const { port, seen } = await receiver(t);
  const send = (url: string, allow: readonly string[] = [], addresses = ['127.0.0.1']) => {
    const resolve = async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    return codeOf(egress(allow, { resolve }).send({ method: 'POST', url, headers: {}, body: '{}' }, soon()));
  };
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    'localhost',
    'evil.example',
  ])
    t.equal((await send(`https://${host}:${port}/hush-hush`)).code, 'refused', host);
  t.match(await send(`http://evil.example:${port}/hush-hush`), { code: 'refused', message: /not https/ });
  t.match(await send(`https://user:pass@evil.example/`), { code: 'refused', message: /name and password/ });
  t.equal((await send('file:///etc/passwd')).code, 'refused');
  t.equal((await send(`https://evil.example:${port}/`, [], ['93.184.216.34', '127.0.0.1'])).code, 'refused', 'one bad address is enough');
  t.equal((await send(`http://friend.example:${port}/`, [`friend.example:${port + 1}`])).code, 'refused', 'another port');
  for (const scheme of ['ftp', 'gopher', 'ws', 'unix'])
    t.equal((await send(`${scheme}://friend.example/`, ['friend.example'])).code, 'refused', scheme);
  t.same(seen, []);
  t.equal((await send(`http://friend.example:${port}/`, [`friend.example:${port}`])).code, 'resolved');
  t.equal((await send(`http://friend.example:${port}/`, ['friend.example'])).code, 'resolved');
  t.equal(seen.length, 2);
});

test('a name is asked once, what was looked at is what is connected to, and no error tells the address', async (t) => {
  const { port, seen } = await receiver(t);
  let asked = 0;
  // A name that nobody else knows: whoever arrives went where this said.
  const rebinding = (first: string, then: string) => async () => {
    asked += 1;
    return [{ address: asked === 1 ? first : then, family: 4 }];
  };
  const send = (allow: readonly string[], resolve: () => Promise<{ address: string; family: number }[]>, scheme = 'http') =>
    codeOf(egress(allow, { resolve }).send({ method: 'POST', url: `${scheme}://evil.example:${port}/hush-hush`, headers: {} }, soon()));
  t.equal((await send(['evil.example'], rebinding('127.0.0.1', '10.0.0.1'))).code, 'resolved');
  t.same([asked, seen.length], [1, 1]);
  asked = 0;
  const { code, message } = await send([], rebinding('10.0.0.1', '127.0.0.1'), 'https');
  t.same([code, asked, seen.length], ['refused', 1, 1]);
  t.notMatch(message, /hush/);
  const nobody = await send(['evil.example'], async () => Promise.reject(Object.assign(new Error('hush-hush'), { code: 'ENOTFOUND' })));
  t.match(nobody, { code: 'unavailable', message: 'no answer: ENOTFOUND' });
});

test('what the operator wrote himself is asked in his own network, but no name leads to where a cloud tells secrets', async (t) => {
  const { port, seen } = await receiver(t);
  const to = (address: string) => async () => [{ address, family: address.includes(':') ? 6 : 4 }];
  const ask = (url: string, address: string, allow: readonly string[] = []) =>
    codeOf(egress(allow, { resolve: to(address) }).send({ method: 'GET', url, headers: {}, byOperator: allow.length === 0 }, soon()));
  t.equal((await ask(`http://status.internal:${port}/open`, '127.0.0.1')).code, 'resolved');
  t.same(seen, ['/open']);
  for (const address of ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254', '100.100.100.200']) {
    t.equal(isSecretTelling(address), true, address);
    t.match(await ask(`http://status.internal:${port}/`, address), { code: 'refused', message: /cloud tells secrets/ }, address);
    t.match(await ask(`http://status.internal:${port}/`, address, ['status.internal']), { code: 'refused' }, `${address}, allowed by name`);
  }
  for (const address of ['10.0.0.1', '127.0.0.1', '8.8.8.8', 'fd12::1']) t.equal(isSecretTelling(address), false, address);
  const refused = await codeOf(egress([]).send({ method: 'GET', url: 'http://169.254.169.254/latest', headers: {} }, soon()));
  t.match(refused, { code: 'refused', message: /HALDANE_ALLOW/ });
});

test('a redirect into one’s own network is an answer, an endless answer is none, and silence ends with the signal', async (t) => {
  const inside = await receiver(t);
  const outside = await receiver(t, ({ url }, response) => {
    if (url === '/moved') response.writeHead(302, { location: `${inside.url}/metadata` }).end();
    else if (url === '/endless') response.end('x'.repeat(2_000));
  });
  const send = (path: string, signal = soon()) =>
    egress([`127.0.0.1:${outside.port}`]).send({ method: 'GET', url: outside.url + path, headers: {}, mostBytes: 1_000 }, signal);
  t.match(await send('/moved'), { status: 302 });
  t.same(inside.seen, []);
  t.match(await codeOf(send('/endless')), { code: 'unavailable', message: /too long/ });
  t.match(await codeOf(send('/silent', AbortSignal.timeout(50))), { code: 'unavailable', message: /not in time/ });
});
