import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const rooms = ['packages', 'services', 'examples'].flatMap((ground) => readdirSync(ground).map((room) => join(ground, room)));

/** Every test by its name in the sources; those across rooms come first, because they take longest. */
export async function everyTest() {
  const found = await filesIn(['test', ...['pipelines', ...rooms].map((room) => join(room, 'src'))]);
  return found.filter((path) => path.endsWith('.test.ts'));
}

/**
 * Makes tests run on what is built, without a loader in each process, which takes more than most tests do: a test in a room's `src`
 * becomes a file of its `dist`, what is in its `test/` one of its `dist/test/`, and the `test/` of all becomes `dist/`, so that a path
 * relative to a test stays true. Types are another task.
 * What is already as it should be is left alone, so that tests which run meanwhile do not feel it.
 */
export async function compileTests() {
  const beside = await filesIn(['test', ...rooms.map((room) => join(room, 'test'))]);
  const sources = new Set([...beside.filter((path) => path.endsWith('.ts')), ...(await everyTest())]);
  const { outputFiles } = await build({
    entryPoints: [...sources].map((path) => ({ in: path, out: compiledName(path).replace(/\.js$/, '') })),
    outdir: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    write: false,
    // Each file stays one: an import of a source becomes one of what is made of it.
    bundle: true,
    plugins: [{ name: 'file by file', setup: ({ onResolve }) => onResolve({ filter: /./ }, fileByFile) }],
  });
  const wanted = new Map(outputFiles.map(({ path, contents }) => [relative('.', path), Buffer.from(contents)]));
  for (const path of beside) if (!path.endsWith('.ts')) wanted.set(compiledName(path), await readFile(path));
  for (const path of await filesIn(['dist'])) if (!wanted.has(path)) await rm(path);
  for (const [path, contents] of wanted) {
    if (existsSync(path) && contents.equals(await readFile(path))) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
}

/** The file that a source is compiled to. */
export function compiledName(path) {
  return path
    .replace(/^test\//, 'dist/')
    .replace('/src/', '/dist/')
    .replace('/test/', '/dist/test/')
    .replace(/\.ts$/, '.js');
}

function fileByFile({ kind, path, importer, resolveDir }) {
  if (kind === 'entry-point') return undefined;
  if (!path.startsWith('.')) return { path, external: true };
  const made = (source) => compiledName(relative('.', source));
  const from = relative(dirname(made(importer)), made(resolve(resolveDir, path)));
  return { path: from.startsWith('.') ? from : `./${from}`, external: true };
}

/** Every file below these folders, as far as they are there, folder by folder. */
async function filesIn(folders) {
  const found = await Promise.all(folders.filter(existsSync).map((folder) => readdir(folder, { recursive: true, withFileTypes: true })));
  return found.flatMap((entries) => {
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name)).sort();
  });
}
