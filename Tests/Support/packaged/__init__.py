"""Real servers from the configurations that their Debian packages lay down, one module each."""
from packaged.apache import Apache
from packaged.dovecot import Dovecot
from packaged.haproxy import HAProxy
from packaged.mariadb import MariaDB
from packaged.mosquitto import Mosquitto
from packaged.nginx import Nginx
from packaged.openldap import OpenLDAP
from packaged.postfix import Postfix
from packaged.postgresql import PostgreSQL
from packaged.rabbitmq import RabbitMQ
from packaged.redis import Redis

SERVERS = (
    Nginx, Apache, HAProxy, PostgreSQL, MariaDB, Redis, Mosquitto, RabbitMQ, Postfix, Dovecot, OpenLDAP,
)
