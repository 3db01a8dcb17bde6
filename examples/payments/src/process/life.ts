/**
 * How each process of this example lives: it says once that it is ready, as one JSON line, and it ends when it is told to
 * or, with `ENDS_WITH_PARENT=1`, when its standard input closes. The kernel closes that pipe however the parent ended, so
 * nothing is left behind even after kill -9.
 */
export function live(ready: Readonly<Record<string, unknown>>, end: () => Promise<void>): void {
  let ending = false;
  const stop = () => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(1), 10_000).unref();
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(String(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (process.env['ENDS_WITH_PARENT'] === '1') {
    // A log pipe whose reader is gone must not end the process before it has cleaned up.
    process.stdout.on('error', stop);
    process.stdin.on('end', stop).on('close', stop).on('error', stop).resume();
  }
  process.stdout.write(`${JSON.stringify({ ready: true, ...ready })}\n`);
}
