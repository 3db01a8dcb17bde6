export type { Desk, Permit, WantedRun, WantedStage } from './desk.ts';
export { gateAnswer } from './gate-answer.ts';
export type { TrustRule } from './login/trust-rule.ts';
export { authorisationPage, openApi } from './openapi.ts';
export { type ApiOptions, createApi } from './server.ts';
export type { SignedHook } from './signed-hook.ts';
export type { SlackApp } from './slack/slack-app.ts';
