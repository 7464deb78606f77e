. ./effect.sh
effect check
echo "check got: $*" >>/var/log/seal-scenario/arguments
