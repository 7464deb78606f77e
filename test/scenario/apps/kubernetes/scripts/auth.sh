. ./effect.sh
effect auth
echo "auth got: $*" >>/var/log/seal-scenario/arguments
