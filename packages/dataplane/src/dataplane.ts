import type { Arm, DependencyFault, RequestFault } from '@haldane/core';
import type {
  Attachment,
  DataplaneView,
  ProxyConfig,
  ProxyView,
  RouteConfig,
  RouteView,
  SliceConfig,
  TelemetryAnswer,
  TelemetryNews,
} from './wire.ts';

/**
 * What can be said to whatever serves the routes, be it one router (`DataplaneClient`) or several. Every call throws `unavailable`,
 * `denied`, `gone`, `conflict` or `bad-request`; an aborted signal's own reason goes through. Deletes succeed when there is nothing.
 */
export interface Dataplane {
  putRoute(config: RouteConfig, signal?: AbortSignal): Promise<RouteView>;
  deleteRoute(route: string, signal?: AbortSignal): Promise<void>;
  attach(attachment: Attachment, signal?: AbortSignal): Promise<RouteView>;
  detach(route: string, runId: string, signal?: AbortSignal): Promise<void>;
  putSlice(route: string, slice: SliceConfig, signal?: AbortSignal): Promise<RouteView>;
  deleteSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void>;
  /** As `deleteSlice`, and ends the connections of all real requests that it brought into an arm: they count as failures. */
  cutSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void>;
  putProxy(config: ProxyConfig, signal?: AbortSignal): Promise<ProxyView>;
  deleteProxy(proxy: string, signal?: AbortSignal): Promise<void>;
  setFault(proxy: string, fault: DependencyFault, signal?: AbortSignal): Promise<ProxyView>;
  clearFault(proxy: string, signal?: AbortSignal): Promise<void>;
  /** From now on requests that enter this arm, real and synthetic, meet the fault; for as long as the run is attached. */
  setRequestFault(route: string, runId: string, arm: Arm, fault: RequestFault, signal?: AbortSignal): Promise<RouteView>;
  clearRequestFault(route: string, runId: string, arm: Arm, signal?: AbortSignal): Promise<void>;
  /** Every effect of the run now ends at `until` (epoch ms). A run that has nothing here is no error. */
  renew(runId: string, until: number, signal?: AbortSignal): Promise<void>;
  view(signal?: AbortSignal): Promise<DataplaneView>;
  /** Closed seconds after the epoch second `after`. Throws `gone` when a router never heard of the run. */
  telemetry(runId: string, after: number, signal?: AbortSignal): Promise<TelemetryAnswer>;
  /**
   * What closes after the epoch second `after`, and the open second within 100 ms of each event; ends when the run has ended there. Throws
   * as `telemetry` does, also in the middle: a router that falls silent is `unavailable`. Absent where one can only ask again and again.
   */
  follow?(runId: string, after: number, signal: AbortSignal): AsyncIterable<TelemetryNews>;
  /** Finishes what is in flight and ends. Returns before it has. */
  drain(signal?: AbortSignal): Promise<void>;
}
