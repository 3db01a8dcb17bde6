/** Where the program of a deployment is from. `other`: what CodeDeploy was given as text, by its digest. */
export type Revision =
  | { readonly from: 'GitHub'; readonly repository: string; readonly commit: string }
  | { readonly from: 'S3'; readonly bucket: string; readonly key: string; readonly version: string | null; readonly etag: string | null }
  | { readonly from: 'other'; readonly type: string; readonly digest: string | null };

/** One deployment to a group. Times are epoch ms; null: it does not say. */
export type GroupDeployment = {
  readonly id: string;
  readonly status: string;
  /** `user`, `autoscaling` (an instance that was launched meanwhile), `codeDeployRollback`, `CodeDeployAutoUpdate`. */
  readonly creator: string | null;
  readonly revision: Revision;
  readonly description: string | null;
  readonly createdAt: number;
  readonly completedAt: number | null;
  /** Instances that it began with, also those where it failed; null: it does not say. */
  readonly touched: number | null;
  /** Of a blue/green deployment: users are on its new instances, and the old ones wait for their end. */
  readonly isEndingOld: boolean;
};

export type DeploymentGroup = {
  /** The newest that succeeded; null: none has. */
  readonly lastSuccess: string | null;
  /** By name: those that it deploys to, after a blue/green deployment those that it made. */
  readonly autoScalingGroups: readonly string[];
  readonly isBlueGreen: boolean;
};

/** A page of ids, and what asks for the next one. */
export type IdPage = { readonly ids: readonly string[]; readonly next: string | null };

/**
 * The calls of CodeDeploy about one deployment group. Each throws `not-found`, `denied`, `throttled` or `unavailable`, naming the call and what AWS said; also `unavailable`
 * for an answer that lacks what is read of it.
 */
export interface CodeDeployCalls {
  group(signal: AbortSignal): Promise<DeploymentGroup>;
  /** Deployments that are not over, or all that were created since (epoch ms). */
  deployments(which: 'open' | { readonly since: number }, page: string | null, signal: AbortSignal): Promise<IdPage>;
  /** At most 25. */
  details(ids: readonly string[], signal: AbortSignal): Promise<readonly GroupDeployment[]>;
}
