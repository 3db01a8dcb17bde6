export { type GitHubAppFile, readGitHubApp } from './app-file.ts';
export type { DeployAnswer } from './deploy-answer.ts';
export type { DeployAsked } from './deploy-asked.ts';
export { GitHubApp } from './github-app.ts';
export { type Between, type Look, lookAtDeploy, progressOf } from './look-at-deploy.ts';
