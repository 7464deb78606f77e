import type { Node } from 'yaml';
import type { Cluster } from './cluster.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';

/** `spec.registry` of sealer: domain and port of the local registry. What else sealer knows is refused or warned of, never silently dropped. */
export function readRegistry(reader: ClusterfileReader, value: Node | null, draft: { registry?: Cluster['registry'] }): void {
  const refuse = (name: string) => (node: Node | null) =>
    void reader.wrong(node, `registry.${name} is not supported yet by this version`);
  const ignore = (name: string) => (node: Node | null) =>
    reader.warn(node, `registry.localRegistry.${name} has no effect yet in this version`);
  let domain = 'sea.hub';
  let port = 5000;
  reader.fields(value, 'spec.registry', {
    localRegistry: (local) => {
      reader.fields(local, 'spec.registry.localRegistry', {
        domain: (node) => {
          const text = reader.text(node, 'registry.localRegistry.domain');
          if (text !== undefined && /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(text)) domain = text;
          else if (text !== undefined) reader.wrong(node, `"${text}" is no domain name`);
        },
        port: (node) => {
          port = reader.integer(node, 'registry.localRegistry.port', 1, 65535) ?? port;
        },
        ha: ignore('ha'),
        insecure: ignore('insecure'),
        cert: refuse('localRegistry.cert'),
        username: refuse('localRegistry.username'),
        password: refuse('localRegistry.password'),
      });
      draft.registry = { domain, port };
    },
    externalRegistry: refuse('externalRegistry'),
  });
}
