export type {
  ClusterFacts,
  ClusterRecord,
  ImageFacts,
  MaterialSpec,
  MemberRecord,
  PublicMaterial,
  SeenNode,
} from './cluster-facts.ts';
