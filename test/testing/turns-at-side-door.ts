/** Where a target answers. */
type Target = { readonly host: string; readonly port: number };

const lookEveryMs = 500;

/**
 * Does with a side door's target group what a balancer does: it takes turns among the targets that are well. One of three is a router on this
 * machine, which is looked at twice a second; the others are production's. While the router is not well, all is production's.
 */
export function turnsAtSideDoor(
  routerPort: number,
  production: () => Promise<Target>,
): { next(): Promise<Target>; isWell(): boolean; stop(): void } {
  let isWell = false;
  let turn = 0;
  const look = async () => {
    isWell = await fetch(`http://127.0.0.1:${routerPort}/healthz`, { signal: AbortSignal.timeout(5_000) }).then(
      (answer) => answer.ok,
      () => false,
    );
  };
  const timer = setInterval(() => void look(), lookEveryMs);
  return {
    async next() {
      turn += 1;
      return turn % 3 === 0 && isWell ? { host: '127.0.0.1', port: routerPort } : production();
    },
    isWell: () => isWell,
    stop: () => clearInterval(timer),
  };
}
