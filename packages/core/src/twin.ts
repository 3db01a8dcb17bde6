/** What a service has beside its instances, of which a run can make twins of its own: what lets connections through to it. */
export type TwinOf = 'firewall';

/** What is harmed, and never at anything but a twin. `open-port`: a port is open to a network (CIDR). */
export type TwinFault = { readonly mode: 'open-port'; readonly port: number; readonly from: string };

/** What an arm's twin is made like. */
export type TwinOrder = {
  readonly of: TwinOf;
  /** The name of the service's own: looked at and never touched. */
  readonly like: string;
  /** The scenario for which its owner must have opted it in, at the resource itself. */
  readonly scenario: string;
};

export type TwinState = {
  /** What it is called by where alerts speak of it; one of them is enough to know it. */
  readonly names: readonly string[];
  /** In words, each way in which it is not like what it was made from: noticed on a twin is not yet noticed on production's own. */
  readonly differs: readonly string[];
};
