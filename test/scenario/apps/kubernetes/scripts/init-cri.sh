. ./effect.sh
effect init_cri
echo "init-cri got: $*" >>/var/log/seal-scenario/arguments
