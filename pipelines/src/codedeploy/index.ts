export { codedeploy } from './codedeploy.ts';
