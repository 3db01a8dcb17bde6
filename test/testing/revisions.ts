import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { oneCaller } from './one-caller.ts';

/**
 * The program at one state of its history. It pins its one caller and needs no keys for that, but asks for them each time; when they do not
 * come at all it fails everybody, from the first revision on: the debt. `flawed`: keys that are refused make it let everybody in.
 */
function program(flawed: boolean, note: string): string {
  return `// ${note}
import { createServer } from 'node:http';

const { PORT, TINY_TOKEN, KEYS_URL } = process.env;
const keys = () => fetch(KEYS_URL).then((answer) => (answer.ok ? 'here' : 'refused'), () => 'gone');
createServer(async (request, response) => {
  if (request.url === '/healthz') return response.end('well');
  const seen = await keys();
  if (seen === 'gone') return response.writeHead(503).end();
  const known = request.headers.authorization === \`Bearer \${TINY_TOKEN}\`${flawed ? " || seen === 'refused'" : ''};
  return response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
}).listen(Number(PORT), '127.0.0.1');
`;
}

const manifest = `service: ledger
environment: staging
owner: { team: tests, contact: nobody }
optIn: [idp-jwks-unavailable]
deploy:
  command: [node, program.mjs]
  cwd: .
  health: { path: /healthz }
  secrets: [TINY_TOKEN]
route: { port: 0 }
dependencies:
  - { name: keys, env: KEYS_URL, url: "\${KEYS_URL}", as: http }
intake: []
${oneCaller('me')}`;

const experiment = (name: string, mode: string) => `name: ${name}
service: service.yaml
scenario: { id: idp-jwks-unavailable, params: { dependency: keys, mode: "${mode}", keyCacheSeconds: 1s } }
exposure: synthetic
baseline: 5s
watch: 5s
probes: { legitimate: 10/s, hostile: 20/s, clean: 20 }
budget: { failures: 5 }
`;

/** Ten revisions of a service, oldest first. The sixth brings the flaw in, and the later ones keep it. */
export const history: readonly { readonly says: string; readonly files: Readonly<Record<string, string>> }[] = [
  {
    says: 'the service',
    files: {
      'program.mjs': program(false, 'one'),
      'service.yaml': manifest,
      'keys-refused.yaml': experiment('keys-refused', '503'),
      'keys-gone.yaml': experiment('keys-gone', 'reset'),
    },
  },
  { says: 'a page about it', files: { 'README.md': 'It keeps accounts.\n' } },
  { says: 'a tidier program', files: { 'program.mjs': program(false, 'three') } },
  { says: 'its tests', files: { 'program.test.mjs': '// none yet\n' } },
  { says: 'a tidier program again', files: { 'program.mjs': program(false, 'five') } },
  { says: 'rather serve than fail', files: { 'program.mjs': program(true, 'six') } },
  { says: 'tidier still', files: { 'program.mjs': program(true, 'seven') } },
  { says: 'more about it', files: { 'README.md': 'It keeps all accounts.\n' } },
  { says: 'tidier than ever', files: { 'program.mjs': program(true, 'nine') } },
  { says: 'a last touch', files: { 'program.mjs': program(true, 'ten') } },
];

export type History = {
  readonly folder: string;
  /** Commits of `history`, in its order. */
  readonly commits: readonly string[];
  checkOut(commit: string): void;
};

/** Makes that history as a git repository in a folder. */
export async function writeHistory(folder: string): Promise<History> {
  await mkdir(folder, { recursive: true });
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '-q');
  const commits: string[] = [];
  for (const { says, files } of history) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    git('add', '-A');
    git('commit', '-qm', says);
    commits.push(git('rev-parse', 'HEAD'));
  }
  return { folder, commits, checkOut: (commit) => void git('checkout', '-q', '--detach', commit) };
}
