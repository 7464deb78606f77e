echo "taken back in $Where" >>/var/log/seal-scenario/broken
