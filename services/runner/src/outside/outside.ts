import type { AlertSource, Outside } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { askAlerts } from './ask-alerts.ts';
import { askCommand } from './ask-command.ts';
import { askHttp } from './ask-http.ts';

export type OutsideOptions = {
  /** Variables that checks may name. */
  readonly env: Readonly<Record<string, string>>;
  /** By which addresses are asked. */
  readonly egress: Egress;
  /** Where alerts arrive. */
  readonly inbox: Pick<AlertSource, 'alerts'>;
};

/** Asks what a policy's checks name: an address, a program of this machine, or the alerts that arrived. */
export function outside({ env, egress, inbox }: OutsideOptions): Outside {
  return {
    async ask({ http, command, alerts }, run, now, signal) {
      if (http !== undefined) return askHttp(http, { env, egress }, run, signal);
      if (command !== undefined) return askCommand(command, env, run, signal);
      return alerts === undefined ? null : askAlerts(alerts, inbox, now, signal);
    },
  };
}
