import { type Arm, type DependencyFault, HaldaneError, type RequestFault } from '@haldane/core';
import {
  type Attachment,
  type BudgetOrder,
  conform,
  type ProxyConfig,
  type RouteConfig,
  type SliceConfig,
  schemas,
} from '@haldane/dataplane';
import type { DataPlane } from '../data-plane.ts';

/** Which call does what. Names in the path and in the body must agree. */
export class AdminRoutes {
  readonly #plane: DataPlane;
  readonly #drain: () => void;
  constructor(plane: DataPlane, drain: () => void) {
    this.#plane = plane;
    this.#drain = drain;
  }

  async call(method: string, url: URL, body: unknown): Promise<unknown> {
    const [, room = '', ...names] = url.pathname.split('/').map(decode);
    const [a = '', b = '', c = '', d = ''] = names;
    switch (`${method} ${room} ${names.length}`) {
      case 'PUT routes 1':
        return this.#plane.putRoute(agreeing(conform<RouteConfig>(schemas.route, body, 'route'), { route: a }));
      case 'DELETE routes 1':
        return this.#plane.deleteRoute(a);
      case 'PUT routes 3':
        if (b === 'attachments')
          return this.#plane.attach(agreeing(conform<Attachment>(schemas.attachment, body, 'attachment'), { route: a, runId: c }));
        break;
      case 'DELETE routes 3':
        if (b === 'attachments') return this.#plane.detach(a, c);
        break;
      case 'PUT routes 4':
        if (b === 'slices')
          return this.#plane.putSlice(a, agreeing(conform<SliceConfig>(schemas.slice, body, 'slice'), { runId: c, name: d }));
        break;
      case 'DELETE routes 4':
        if (b === 'slices') return this.#plane.deleteSlice(a, c, d, url.searchParams.get('cut') === '1');
        break;
      case 'PUT faults 3':
        return this.#plane.setRequestFault(a, b, armOf(c), conform<RequestFault>(schemas.requestFault, body, 'fault'));
      case 'DELETE faults 3':
        return this.#plane.clearRequestFault(a, b, armOf(c));
      case 'PUT proxies 1':
        return this.#plane.putProxy(agreeing(conform<ProxyConfig>(schemas.proxy, body, 'proxy'), { proxy: a }));
      case 'DELETE proxies 1':
        return this.#plane.deleteProxy(a);
      case 'PUT proxies 2':
        if (b === 'fault') return this.#plane.setFault(a, conform<DependencyFault>(schemas.fault, body, 'fault'));
        break;
      case 'DELETE proxies 2':
        if (b === 'fault') return this.#plane.clearFault(a);
        break;
      case 'POST proxies 2':
        if (b === 'check') return this.#plane.check(a, conform<{ path: string }>(schemas.check, body, 'check').path);
        break;
      case 'POST leases 1':
        return this.#plane.renew(a, conform<{ until: number }>(schemas.lease, body, 'lease').until);
      case 'GET budgets 1':
        return this.#plane.budget(a);
      case 'PUT budgets 1':
        return this.#plane.order(agreeing(conform<BudgetOrder>(schemas.order, body, 'order'), { runId: a }));
      case 'POST keys 1':
        return this.#plane.learn(a, conform<{ succeeded: readonly string[] }>(schemas.keys, body, 'keys').succeeded);
      case 'GET view 0':
        return this.#plane.view();
      case 'GET telemetry 1':
        return url.searchParams.get('names') === '1' ? this.#plane.names(a, afterOf(url)) : this.#plane.telemetry(a, afterOf(url));
      case 'GET telemetry 2':
        if (b === 'stream') return this.#plane.news(a, afterOf(url));
        break;
      case 'GET metrics 0':
        return this.#plane.measures();
      case 'PUT halt 0':
        return this.#plane.halt(conform<{ why: string }>(schemas.halt, body, 'halt').why);
      case 'DELETE halt 0':
        return this.#plane.lift();
      case 'POST drain 0':
        return this.#drain();
    }
    throw new HaldaneError('not-found', `there is no ${method} ${url.pathname} here`);
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HaldaneError('bad-request', 'the path is not well encoded');
  }
}

function armOf(name: string): Arm {
  return conform<Arm>(schemas.arm, name, 'arm');
}

function agreeing<T extends object>(value: T, names: Readonly<Record<string, string>>): T {
  for (const [name, inPath] of Object.entries(names)) {
    const inBody = (value as Readonly<Record<string, unknown>>)[name];
    if (inBody !== inPath)
      throw new HaldaneError('bad-request', `${name} is ${String(inBody)} in the body but ${inPath} in the path: they must agree`);
  }
  return value;
}

function afterOf(url: URL): number {
  const text = url.searchParams.get('after') ?? '0';
  const after = Number(text);
  if (!Number.isSafeInteger(after)) throw new HaldaneError('bad-request', `after is ${text}; it must be an epoch second`);
  return after;
}
