import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

/**
 * A command as it runs from an instance's own folder: what names a file below the recipe's `cwd` is made absolute. The
 * program only when it is written with a slash (else it is looked for on the path); arguments when they look like a path
 * (a slash or an extension), and the value of `--name=value` when it has a slash. What does not exist is left as it is.
 */
export function resolveCommand(command: readonly string[], cwd: string): readonly string[] {
  return command.map((part, index) => {
    if (index === 0) return part.includes('/') ? resolve(cwd, part) : part;
    const option = /^(--?[^=]+=)(.*\/.*)$/.exec(part);
    if (option) return `${option[1]}${absolute(option[2] ?? '', cwd)}`;
    return !part.startsWith('-') && /\/|\.[A-Za-z0-9]+$/.test(part) ? absolute(part, cwd) : part;
  });
}

function absolute(path: string, cwd: string): string {
  if (isAbsolute(path) || /^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return path;
  const full = resolve(cwd, path);
  return statSync(full, { throwIfNoEntry: false }) ? full : path;
}
