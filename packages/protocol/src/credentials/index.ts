export { chooseTarget, grpcPort, httpsPort, localSocket, type TargetChoice } from './choose-target.ts';
export { type ClientCredentials, type Context, describeTarget, type ServerTarget } from './context.ts';
export { type ContextStore, localContextName, openContextStore } from './context-store.ts';
