/** The generated contract, one namespace per file of proto/seal/v1. Change the .proto files and run `npm run gen`; never these. */
export * as agentProto from './gen/seal/v1/agent.ts';
export * as clusterProto from './gen/seal/v1/cluster.ts';
export * as imageProto from './gen/seal/v1/image.ts';
export * as nodeProto from './gen/seal/v1/node.ts';
export * as operationProto from './gen/seal/v1/operation.ts';
export * as planProto from './gen/seal/v1/plan.ts';
export * as problemProto from './gen/seal/v1/problem.ts';
export * as serverProto from './gen/seal/v1/server.ts';
export * as tokenProto from './gen/seal/v1/token.ts';
