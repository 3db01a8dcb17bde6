import type { Handler } from '../ask.ts';
import type { OperationId } from '../operations.ts';
import { accessHandlers } from './access-handlers.ts';
import { choiceHandlers } from './choice-handlers.ts';
import { gateHandlers } from './gate-handlers.ts';
import { gitHubHandlers } from './github-handlers.ts';
import { houseHandlers } from './house-handlers.ts';
import { runHandlers } from './run-handlers.ts';
import { serviceHandlers } from './service-handlers.ts';
import { slackHandlers } from './slack-handlers.ts';

/** Who answers what; one for every operation of the table. */
export const handlers: { readonly [Id in OperationId]: Handler<Id> } = {
  ...houseHandlers,
  ...serviceHandlers,
  ...gateHandlers,
  ...choiceHandlers,
  ...runHandlers,
  ...accessHandlers,
  ...slackHandlers,
  ...gitHubHandlers,
};
