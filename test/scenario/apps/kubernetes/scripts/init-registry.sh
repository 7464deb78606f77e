. ./effect.sh
effect init_registry
echo "init-registry got: $*" >>/var/log/seal-scenario/arguments
