import type { Arm, DependencyFault, DoorLimits, RequestFault, Slice, TrafficBlock } from '@haldane/core';

/**
 * What is said to a router and what it says back. Every effect of a run carries the run's id and ends at `until`
 * (epoch ms) unless renewed; a router that hears nothing goes back to production and says so.
 * The admin interface has its own port and its own bearer token; nothing of it is reachable through a route's port.
 */

/** A front door: all traffic of the route enters here and goes to production unless a run's slice says otherwise. */
export type RouteConfig = {
  readonly route: string;
  /** 0 takes a free one; the answer says which. */
  readonly port: number;
  /** Base addresses of production's instances (`http://127.0.0.1:4711`). */
  readonly production: readonly string[];
  /** Addresses or networks (`10.0.0.0/8`) of proxies that stand before this door and may say where a request is from. Default: nobody. */
  readonly trustedProxies?: readonly string[];
  /** Given: clients speak TLS to this door. A door does not change between plain and TLS. */
  readonly tls?: DoorTls;
  readonly limits?: Partial<DoorLimits>;
  /** Given: the door is not for good. Absent: it stays open whether any run is attached to it or not. */
  readonly unattended?: Unattended;
};

/**
 * What a door does when no run is attached to it for `afterMs`: requests whose user agent begins with `checkedBy` get 503, so that the
 * balancer before it sends users elsewhere; a minute later, when nobody comes any more, it closes.
 */
export type Unattended = { readonly afterMs: number; readonly checkedBy: string };

/** Files in PEM, read by the router. They are looked at every second; what changed is served to new connections, the others stay. */
export type CertificateFiles = { readonly certFile: string; readonly keyFile: string };
/** `names` are served to clients that ask for them (SNI; `*.example` covers one label), the first pair to all others. */
export type DoorTls = CertificateFiles & { readonly names?: readonly (CertificateFiles & { readonly name: string })[] };

/** Arms that belong to a route: from now on signed synthetic requests may enter them. */
export type Attachment = {
  readonly runId: string;
  readonly route: string;
  readonly arms: Readonly<Record<Arm, readonly string[]>>;
  /** Hex. Signs synthetic requests and keys the HMAC of sticky keys. Kept in memory only. */
  readonly secret: string;
  readonly until: number;
};

/** A share of real users for each arm of an attached run. */
export type SliceConfig = Slice & {
  readonly runId: string;
  /** Several routers serve the route: this one spends only the part of the caps that it was given by a `BudgetOrder`. */
  readonly leased?: boolean;
};

/** Units of a run's budget: failed requests, and distinct keys that saw a failure (null: they have no cap). */
export type BudgetUnits = { readonly failures: number; readonly users: number | null };
/** From now on the router may spend this much of the run's caps, or as little above it as is spent and in flight already. */
export type BudgetOrder = {
  readonly runId: string;
  /** The router's life (its id) that it is meant for; one that was started anew since does nothing. */
  readonly life: string;
  /** Rises with every order to this router; an older order that arrives late changes nothing. */
  readonly turn: number;
  readonly part: BudgetUnits;
};
/** What a router holds of a run's budget. */
export type BudgetHeld = {
  /** The last order that it followed; 0: none. */
  readonly turn: number;
  /** The router's id, another one after each start: what an earlier life held is spent. */
  readonly life: string;
  /** An earlier life of this router served the run: what that one spent is not known. */
  readonly lost: boolean;
  readonly part: BudgetUnits;
  /** How much of the part is neither spent nor reserved for what is in flight. */
  readonly idle: BudgetUnits;
  /** Requests so far that a slice covered, and those of them that went to production for lack of a unit. */
  readonly asked: number;
  readonly turnedAway: number;
};

export type PemPair = { readonly cert: string; readonly key: string };

/** A dependency as one arm reaches it. */
export type ProxyConfig = {
  readonly proxy: string;
  readonly runId: string;
  readonly arm: Arm;
  readonly dependency: string;
  readonly as: 'http' | 'https' | 'tcp';
  /**
   * The real dependency's address: a URL, for tcp also `host:port`. A call's path is appended to the target's own path, so give the
   * bare origin when the arm's variable keeps the path. May hold credentials, so it is never told back.
   */
  readonly target: string;
  /** https: PEM of the certificate that the run's own authority made for this proxy, and of two that no caller may accept. */
  readonly tls?: PemPair & { readonly wrongName?: PemPair; readonly expired?: PemPair };
  /** PEM certificates that an https target may be signed by, beside the usual authorities. Never told back. */
  readonly trust?: string;
  /** Where it listens on the router's machine; 0 (the default) takes a free one. */
  readonly port?: number;
  /**
   * When nobody renews it, its fault ends and it goes on carrying calls: for a router beside an instance that lives and ends with it. Absent:
   * it closes, and an arm without proxy has lost its dependency.
   */
  readonly stays?: boolean;
  readonly until: number;
};

/**
 * What a router beside an instance (a sidecar) is started with: the dependencies that the instance is to reach through it, and the
 * variables that it writes for the instance. Holds the token, so the file is its user's only.
 */
export type SidecarOrder = {
  readonly token: string;
  readonly adminPort: number;
  readonly proxies: readonly (Omit<ProxyConfig, 'until' | 'port' | 'stays' | 'tls' | 'trust'> & {
    /** The variable that tells the instance the dependency's address, and what of the address stays as it is. */
    readonly variable: string;
    readonly scheme: string;
    readonly rest: string;
  })[];
  /** Set beside those, as they are. */
  readonly variables: Readonly<Record<string, string>>;
};

/** Requests to this arm meet this fault; `met`: how many did so far, Haldane's own checks not counted. */
export type RequestFaultView = { readonly arm: Arm; readonly fault: RequestFault; readonly met: number };
export type AttachedView = {
  readonly runId: string;
  readonly until: number;
  readonly arms: Readonly<Record<Arm, readonly string[]>>;
  readonly faults: readonly RequestFaultView[];
};
export type RouteView = {
  readonly route: string;
  readonly port: number;
  /** Every port through which the route is entered, one a router; the first is `port`. */
  readonly ports: readonly number[];
  /** Real requests a second over the last minute at most; null while too little was seen to say. */
  readonly requestsPerSecond: number | null;
  readonly production: readonly { readonly address: string; readonly healthy: boolean }[];
  /** The certificate that is served, by its end (epoch ms), and why the files of now are not; null without TLS. Never a key. */
  readonly tls: { readonly validUntil: number; readonly problem: string | null } | null;
  readonly attached: readonly AttachedView[];
  /** `spent` and `hurt`: failures charged to the run so far, and distinct keys that saw one. */
  readonly slices: readonly (SliceConfig & { readonly spent: number; readonly hurt: number })[];
  /** Runs of the last 15 minutes that nobody renewed: at `at` (epoch ms) the router gave all users back to production by itself. */
  readonly lapsed: readonly { readonly runId: string; readonly at: number }[];
  /** Real requests and tunnels that are in an arm now, by the slice that brought them, also when slice or run are gone. Only those above 0. */
  readonly inFlight: readonly { readonly runId: string; readonly slice: string; readonly requests: number }[];
};
export type ProxyView = Omit<ProxyConfig, 'target' | 'tls' | 'trust'> & {
  readonly port: number;
  readonly fault: DependencyFault | null;
  readonly calls: number;
  readonly met: number;
};
export type DataplaneView = { readonly routes: readonly RouteView[]; readonly proxies: readonly ProxyView[] };
/** `halted`: why this router takes no run on, or null. */
export type RouterView = DataplaneView & { readonly id: string; readonly startedAt: number; readonly halted: string | null };

/** Closed seconds of one run, oldest first; each is kept for 15 minutes. `attached` is false once the run's lease has ended. */
export type TelemetryAnswer = { readonly blocks: readonly TrafficBlock[]; readonly now: number; readonly attached: boolean };
/** Hashes of keys, each in the second of its first request, first success and first failure at this router. */
export type KeyNames = { readonly seen: readonly string[]; readonly succeeded: readonly string[]; readonly failed: readonly string[] };
/** What one of several routers tells: the same, how far it has closed (epoch second), and which keys stand behind its counts. */
export type RouterTelemetry = TelemetryAnswer & {
  readonly closed: number;
  readonly names: readonly ({ readonly at: number } & Readonly<Record<Arm, KeyNames>>)[];
};

/**
 * One line of the stream: what closed since the line before, and the second that still counts as it stands (null when nothing happened
 * in it). A line is sent within 100 ms of what it tells, and one at least each second while the run's lease lasts; the last one says
 * that it ended.
 */
export type TelemetryNews = TelemetryAnswer & { readonly open: TrafficBlock | null };

/** The header that a signed synthetic request carries; everything `x-haldane-*` from outside is dropped. */
export const syntheticHeader = 'x-haldane-synthetic';
/** Marks Haldane's own probe of a fault's effect at a dependency proxy (signed, stream `check`): it is not counted as contact. */
export const checkHeader = 'x-haldane-check';
/** What the proxy adds to the answer to such a probe: `yes` when this call met the fault, else `no`. */
export const faultHeader = 'x-haldane-fault';
/** The router's own first-party cookie: the sticky key of a user. */
export const keyCookie = 'haldane_key';

/**
 * The admin paths. All answers are JSON; errors are `{code, message}` with a 4xx or 5xx status.
 *
 *   PUT    /routes/:route                     RouteConfig          -> RouteView       repeats are updates
 *   DELETE /routes/:route
 *   PUT    /routes/:route/attachments/:runId  Attachment           -> RouteView
 *   DELETE /routes/:route/attachments/:runId                                          also ends its slices
 *   PUT    /routes/:route/slices/:runId/:name SliceConfig          -> RouteView
 *   DELETE /routes/:route/slices/:runId/:name                                         ok when there is none
 *   DELETE /routes/:route/slices/:runId/:name?cut=1                                   also ends what it brought; that counts as failed
 *   PUT    /proxies/:proxy                    ProxyConfig          -> ProxyView
 *   DELETE /proxies/:proxy                                                            ok when there is none
 *   PUT    /proxies/:proxy/fault              DependencyFault      -> ProxyView
 *   DELETE /proxies/:proxy/fault                                                      ok when there is none
 *   POST   /proxies/:proxy/check              {path}               -> DependencyProbe  calls the dependency through the proxy, as its arm does
 *   PUT    /faults/:route/:runId/:arm            RequestFault         -> RouteView
 *   DELETE /faults/:route/:runId/:arm                                                 ok when there is none
 *   POST   /leases/:runId                     {until}              -> {}              renews all of a run's effects
 *   GET    /budgets/:runId                                         -> BudgetHeld
 *   PUT    /budgets/:runId                    BudgetOrder          -> BudgetHeld
 *   POST   /keys/:runId                       {succeeded}          -> {}              hashes of keys that succeeded at other routers
 *   GET    /view                                                   -> RouterView
 *   GET    /telemetry/:runId?after=SECOND                          -> TelemetryAnswer
 *   GET    /telemetry/:runId?after=SECOND&names=1                  -> RouterTelemetry
 *   GET    /telemetry/:runId/stream?after=SECOND                   -> TelemetryNews  a line of JSON each, until the run has ended here
 *   GET    /metrics                                                -> measures as Prometheus reads them (text format 0.0.4)
 *   GET    /healthz                           (no token)
 *   PUT    /halt                              {why}                -> {}              ends every run's effects here, takes none on
 *   DELETE /halt                                                                      takes runs on again
 *   POST   /drain                                                                     finish what is in flight, then exit
 */
export const adminPaths = {
  route: (route: string) => `/routes/${encodeURIComponent(route)}`,
  attachment: (route: string, runId: string) => `/routes/${encodeURIComponent(route)}/attachments/${encodeURIComponent(runId)}`,
  requestFault: (route: string, runId: string, arm: string) =>
    `/faults/${encodeURIComponent(route)}/${encodeURIComponent(runId)}/${encodeURIComponent(arm)}`,
  slice: (route: string, runId: string, name: string) =>
    `/routes/${encodeURIComponent(route)}/slices/${encodeURIComponent(runId)}/${encodeURIComponent(name)}`,
  cut: (route: string, runId: string, name: string) => `${adminPaths.slice(route, runId, name)}?cut=1`,
  proxy: (proxy: string) => `/proxies/${encodeURIComponent(proxy)}`,
  fault: (proxy: string) => `/proxies/${encodeURIComponent(proxy)}/fault`,
  check: (proxy: string) => `/proxies/${encodeURIComponent(proxy)}/check`,
  lease: (runId: string) => `/leases/${encodeURIComponent(runId)}`,
  budget: (runId: string) => `/budgets/${encodeURIComponent(runId)}`,
  keys: (runId: string) => `/keys/${encodeURIComponent(runId)}`,
  view: '/view',
  telemetry: (runId: string, after: number) => `/telemetry/${encodeURIComponent(runId)}?after=${after}`,
  names: (runId: string, after: number) => `${adminPaths.telemetry(runId, after)}&names=1`,
  stream: (runId: string, after: number) => `/telemetry/${encodeURIComponent(runId)}/stream?after=${after}`,
  health: '/healthz',
  halt: '/halt',
  drain: '/drain',
} as const;
