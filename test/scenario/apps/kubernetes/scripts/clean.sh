. ./effect.sh
effect clean
echo "clean got: $*" >>/var/log/seal-scenario/arguments
