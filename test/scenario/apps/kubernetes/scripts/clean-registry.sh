. ./effect.sh
effect clean_registry
echo "clean-registry got: $*" >>/var/log/seal-scenario/arguments
