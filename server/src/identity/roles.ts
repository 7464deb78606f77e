import { Problem } from '@seal/foundation';
import type { Caller, Role } from './caller.ts';

const everyone = ['admin', 'operator', 'reader'] as const;
const changers = ['admin', 'operator'] as const;
const admins = ['admin'] as const;
const agents = ['agent'] as const;

/**
 * Who may call which method. A method without a row is the admin's alone; a test fails on such a method, so that the choice is made.
 * Exec runs any command as root on any node, and a kubeconfig outlives the operator's own certificate: both are for admins.
 */
export const rolesOfMethod: Readonly<Record<string, readonly Role[]>> = {
  '/seal.v1.AgentService/Session': agents,
  '/seal.v1.AgentService/RenewCertificate': agents,
  '/seal.v1.ClusterService/Run': changers,
  '/seal.v1.ClusterService/ScaleUp': changers,
  '/seal.v1.ClusterService/DeleteNodes': changers,
  '/seal.v1.ClusterService/DeleteCluster': changers,
  '/seal.v1.ClusterService/Apply': changers,
  '/seal.v1.ClusterService/ApplyPlan': changers,
  '/seal.v1.ClusterService/InstallApps': changers,
  '/seal.v1.ClusterService/UninstallApp': changers,
  '/seal.v1.ClusterService/ListApps': everyone,
  '/seal.v1.ClusterService/Exec': admins,
  '/seal.v1.ClusterService/ListClusters': everyone,
  '/seal.v1.ClusterService/GetCluster': everyone,
  '/seal.v1.ClusterService/GetKubeconfig': admins,
  '/seal.v1.OperationService/ListOperations': everyone,
  '/seal.v1.OperationService/GetOperation': everyone,
  '/seal.v1.OperationService/WatchOperation': everyone,
  '/seal.v1.OperationService/CancelOperation': changers,
  '/seal.v1.OperationService/ResumeOperation': changers,
  '/seal.v1.OperationService/RollbackOperation': changers,
  '/seal.v1.NodeService/ListNodes': everyone,
  '/seal.v1.NodeService/GetNode': everyone,
  '/seal.v1.NodeService/RemoveNode': admins,
  '/seal.v1.TokenService/CreateToken': admins,
  '/seal.v1.TokenService/ListTokens': changers,
  '/seal.v1.TokenService/RevokeToken': admins,
  '/seal.v1.TokenService/IssueOperatorCertificate': admins,
  '/seal.v1.ImageService/ListImages': everyone,
  '/seal.v1.ImageService/FindMissingBlobs': changers,
  '/seal.v1.ImageService/PutImage': changers,
  '/seal.v1.ImageService/PullImage': changers,
  '/seal.v1.ImageService/RemoveImage': changers,
  '/seal.v1.ImageService/PruneImages': changers,
  '/seal.v1.ServerService/GetVersion': everyone,
};

const commands: Readonly<Record<string, string>> = {
  'ClusterService/Run': 'run',
  'ClusterService/ScaleUp': 'scale-up',
  'ClusterService/DeleteNodes': 'delete',
  'ClusterService/DeleteCluster': 'delete -a',
  'ClusterService/Apply': 'apply',
  'ClusterService/ApplyPlan': 'apply --plan',
  'ClusterService/InstallApps': 'run',
  'ClusterService/UninstallApp': 'app uninstall',
  'ClusterService/Exec': 'exec',
  'ClusterService/GetKubeconfig': 'kubeconfig',
  'OperationService/CancelOperation': 'operation cancel',
  'OperationService/ResumeOperation': 'operation resume',
  'OperationService/RollbackOperation': 'operation rollback',
  'NodeService/RemoveNode': 'nodes remove',
  'TokenService/CreateToken': 'token create',
  'TokenService/ListTokens': 'token list',
  'TokenService/RevokeToken': 'token revoke',
  'TokenService/IssueOperatorCertificate': 'login',
  'ImageService/PullImage': 'pull --remote',
  'ImageService/RemoveImage': 'rmi --remote',
  'ImageService/PruneImages': 'images prune --remote',
};

/** Lets the caller through or not. Problem: PERMISSION_DENIED naming command, role and the roles that may. */
export function authorize(method: string, caller: Caller): void {
  const roles = Object.hasOwn(rolesOfMethod, method) ? rolesOfMethod[method]! : admins;
  if (roles.includes(caller.role)) return;
  throw new Problem(
    'PERMISSION_DENIED',
    `${commandOf(method)} needs the role ${roles.join(' or ')}; ${caller.name} has the role ${caller.role}`,
  );
}

/** What the user typed, where the method does not say it: "sealctl exec" of /seal.v1.ClusterService/Exec. */
function commandOf(method: string): string {
  const name = method.slice('/seal.v1.'.length);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command === undefined ? method : `"sealctl ${command}"`;
}
