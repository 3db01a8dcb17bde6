import pc from 'picocolors';

/** Says things to whoever looks on. */
export interface Printer {
  title(words: string): void;
  chapter(letter: string, words: string): void;
  text(words: string): void;
  ok(words: string): void;
  bad(words: string): void;
  /** Everything that was said with `bad`. */
  readonly crosses: readonly string[];
  /** One line that is redrawn in a terminal, and printed at most every ten seconds elsewhere. */
  progress(words: string): void;
}

export function printer(out: NodeJS.WriteStream): Printer {
  const crosses: string[] = [];
  let chapter = '';
  let drawn = false;
  let lastPlain = 0;
  const line = (words: string) => {
    if (drawn) out.write('\r\u001b[2K');
    drawn = false;
    out.write(`${words}\n`);
  };
  return {
    title: (words) => line(`\n${pc.bold(words)}\n`),
    chapter: (letter, words) => {
      chapter = `(${letter}) ${words}`;
      line(`\n${pc.bold(pc.cyan(chapter))}`);
    },
    text: (words) => {
      for (const one of words.split('\n')) line(`    ${one}`);
    },
    ok: (words) => line(`    ${pc.green('✔')} ${words}`),
    bad: (words) => {
      crosses.push(`${chapter}: ${words}`);
      line(`    ${pc.red('✘')} ${words}`);
    },
    crosses,
    progress(words) {
      if (out.isTTY) {
        out.write(`\r\u001b[2K    ${pc.dim(words.slice(0, Math.max(20, out.columns - 6)))}`);
        drawn = true;
        return;
      }
      if (Date.now() - lastPlain < 10_000) return;
      lastPlain = Date.now();
      line(`    ${pc.dim(words)}`);
    },
  };
}
