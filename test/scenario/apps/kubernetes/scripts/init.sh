. ./effect.sh
effect init
echo "init got: $*" >>/var/log/seal-scenario/arguments
