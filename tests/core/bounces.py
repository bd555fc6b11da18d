"""Bounces as mail systems write them, each with what it must be read as. All text is made up."""

import base64
from typing import Final

LOCKED: Final = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    "the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses "
    "or RestrictDomainsToCertificate set"
)

DSN_FOLDED: Final = """\
Return-Path: <>
Received: from mx.fabrikam.com (mx.fabrikam.com [192.0.2.10])
 by mail.fabrikam.com (Postfix) with ESMTPS id 4Xabc; Tue, 24 Nov 2026 10:00:00 +0000
From: MAILER-DAEMON@mx.fabrikam.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.fabrikam.com.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.fabrikam.com
Arrival-Date: Tue, 24 Nov 2026 09:59:58 +0000

Final-Recipient: rfc822; postmaster@contoso.com
Action: failed
Status: 5.7.51
Remote-MTA: dns; contoso-com.mail.protection.outlook.com
Diagnostic-Code: smtp; 550 5.7.51 TenantInboundAttribution; There is a partner
    connector configured that matched the message's recipient domain. The
    connector had either the RestrictDomainsToIPAddresses or
    RestrictDomainsToCertificate set [AM3PEPF0000A790.eurprd04.prod.outlook.com
    2026-11-24T10:00:00.000Z 08DEE00200AEDCFC]

--b1
Content-Type: message/rfc822

Subject: what does 550 5.1.1 User unknown mean?

Yesterday I saw "550 5.1.1 User unknown" and the day before
550 5.7.606 Access denied, banned sending IP [192.0.2.77]
--b1--
"""

DSN_QUOTING_A_LOCK: Final = """\
Content-Type: multipart/report; report-type=delivery-status; boundary="b2"

--b2
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.northwind.example
Final-Recipient: rfc822; nobody@contoso.com
Action: failed
Status: 5.4.1
Diagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied.

--b2
Content-Type: message/rfc822

Subject: Fwd: Undeliverable

Remote Server returned '550 5.7.51 TenantInboundAttribution; Rejecting'
--b2--
"""

DSN_TWO_RECIPIENTS: Final = """\
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.tailspin.example

Final-Recipient: rfc822; first@contoso.com
Action: relayed
Status: 2.0.0
Diagnostic-Code: smtp; 250 2.0.0 Ok: queued as 4XYZ

Final-Recipient: rfc822; second@contoso.com
Action: failed
Status: 5.7.68
Diagnostic-Code: smtp; 550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this
 organization from unauthorized sources
"""

DSN_STATUS_ONLY: Final = """\
Content-Type: message/delivery-status

Final-Recipient: rfc822; second@contoso.com
Action: failed
Status: 5.7.51
"""

NDR_CLOUD: Final = """\
Delivery has failed to these recipients or groups:

bob@contoso.com
Your message couldn't be delivered. Contact the recipient by phone, for example.

For Email Admins
The recipient's organization only accepts mail through its own gateway.

Diagnostic information for administrators:

Generating server: AM0PR05MB0001.eurprd05.prod.outlook.com

bob@contoso.com
Remote Server returned '550 5.7.51 TenantInboundAttribution; There is a partner connector
configured that matched the message's recipient domain. [X.eurprd05.prod.outlook.com 2026-11-24
T10:00:00.000Z 08DEE00200AEDCFC]'

Original message headers:

Received: from AM0PR05MB0001.eurprd05.prod.outlook.com (2603:10a6::1) by
 AM0PR05MB0002.eurprd05.prod.outlook.com with Microsoft SMTP Server id 15.20.7228.23
Authentication-Results: spf=fail (sender IP is 192.0.2.9) dkim=none dmarc=fail
Subject: hello
"""

NDR_GERMAN: Final = """\
Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:

bob@contoso.com
Ihre Nachricht wurde nicht zugestellt, weil die Gegenseite sie zurückgewiesen hat.

Diagnoseinformationen für Administratoren:

Generierender Server: mail.fabrikam.com

bob@contoso.com
contoso-com.mail.protection.outlook.com
Remoteserver: »550 5.7.51 TenantInboundAttribution; Rejecting«

Ursprüngliche Nachrichtenkopfzeilen:

Received: from ws7.fabrikam.com (10.1.1.1) by mail.fabrikam.com (10.1.1.2) id 15.2.1118.40
"""

NDR_JAPANESE: Final = """\
次の受信者またはグループへの配信に失敗しました:

bob@contoso.com

管理者向けの診断情報:
550 5.7.64 TenantAttribution; Relay Access Denied SMTP
"""

NDR_ON_PREMISES: Final = """\
Diagnostic information for administrators:

Generating server: mail.fabrikam.com

bob@contoso.com
contoso-com.mail.protection.outlook.com
Remote Server returned '<contoso-com.mail.protection.outlook.com #5.7.51 smtp;550 5.7.51 \
TenantInboundAttribution; Rejecting>'
"""

TRACKING: Final = (
    "[{LRT=11/24/2026 10:00:00 AM};{LED=550 5.7.51 TenantInboundAttribution; There is a partner "
    "connector configured that matched the message's recipient domain. [CH3PEPF00000016.namprd21"
    ".prod.outlook.com 2026-11-24T10:00:00.476Z 08DD3FA5DBC8F401]};{FQDN=contoso-mail-onmicrosoft"
    "-com.mail.protection.outlook.com};{IP=192.0.2.36}]"
)

QUOTED_PRINTABLE: Final = """\
From: postmaster@fabrikam.com
Subject: =?utf-8?q?Undeliverable?=
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p>Your message to <b>bob@contoso.com</b> couldn=E2=80=99t be delive=
red.</p><p>Remote Server returned &#39;550 5.7.51 TenantInbou=
ndAttribution; There is a partner con=
nector configured&#39;</p></body></html>
"""

_HTML: Final = f"<html><body><p>Remote Server returned '{LOCKED}'</p></body></html>"
BASE64: Final = (
    "From: postmaster@fabrikam.com\nSubject: Undeliverable\n"
    'Content-Type: text/html; charset="utf-8"\nContent-Transfer-Encoding: base64\n\n'
    + base64.encodebytes(_HTML.encode()).decode()
)

SENDMAIL: Final = """\
   ----- The following addresses had permanent fatal errors -----
<bob@contoso.com>
    (reason: 550 5.7.51 TenantInboundAttribution; Rejecting)

   ----- Transcript of session follows -----
... while talking to contoso-com.mail.protection.outlook.com.:
>>> RCPT To:<bob@contoso.com>
<<< 550 5.7.51 TenantInboundAttribution; Rejecting
550 5.1.1 <bob@contoso.com>... User unknown
>>> DATA
<<< 503 5.5.2 Need rcpt command
"""

EXIM: Final = """\
This message was created automatically by mail delivery software (Exim 4.97.1).

A message that you sent could not be delivered to one or more of its recipients:

  bob@contoso.com
    host contoso-com.mail.protection.outlook.com [192.0.2.36]
    SMTP error from remote mail server after RCPT TO:<bob@contoso.com>:
    550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization
"""

WEBMAIL: Final = """\
Address not found

Your message wasn't delivered to bob@contoso.com.

The response from the remote server was:

550 5.4.1 Recipient address rejected: Access denied. For more information see
https://aka.ms/EXOSmtpErrors [AM3PEPF0000A790.eurprd04.prod.outlook.com
2026-11-24T10:00:00.988Z 08DEE00200AEDCFC]
"""

POSTFIX_LOG: Final = (
    "Nov 24 10:00:00 mx postfix/smtp[9]: 4X: to=<bob@contoso.com>, relay=contoso-com.mail."
    "protection.outlook.com[192.0.2.4]:25, delay=1, dsn=5.7.51, status=bounced (host contoso-com"
    f".mail.protection.outlook.com[192.0.2.4] said: {LOCKED} (in reply to RCPT TO command))"
)

POSTFIX_LOG_ACCEPTED: Final = (
    "Nov 24 10:00:00 mx postfix/smtp[9]: 4X: to=<bob@contoso.com>, relay=contoso-com.mail."
    "protection.outlook.com[192.0.2.4]:25, delay=1, dsn=2.6.0, status=sent (250 2.6.0 <a@b> "
    "[InternalId=1, Hostname=AM0PR05MB0001.eurprd05.prod.outlook.com] 7155 bytes in 0.160, 43.5 "
    "KB/sec Queued mail for delivery)"
)

POSTFIX_LOG_NOT_REACHED: Final = (
    "Nov 24 10:00:00 mx postfix/smtp[9]: 4X: to=<bob@contoso.com>, relay=none, delay=30, "
    "dsn=4.4.1, status=deferred (connect to contoso-com.mail.protection.outlook.com"
    "[192.0.2.4]:25: Connection timed out)"
)

FORWARDED: Final = """\
From: helpdesk@fabrikam.com
To: mailadmins@fabrikam.com
Subject: Fwd: does this mean SPF?
Received-SPF: Fail (protection.outlook.com: domain of fabrikam.com does not designate)
Authentication-Results: spf=fail smtp.mailfrom=fabrikam.com; dkim=none; dmarc=fail
 action=oreject
X-Mailer: Exim 4.97.1

Colleagues, please look at this:

> bob@contoso.com
> Remote Server returned '550 5.7.511 Access denied, banned sender[192.0.2.44]. To request
> removal from this list, forward this message to delist@microsoft.com.'
"""

CONVERSATION: Final = """\
220 AM3PEPF0000A790.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Tue, 24 Nov
EHLO probe.example
250-AM3PEPF0000A790.mail.protection.outlook.com Hello [192.0.2.9]
250-SIZE 157286400
250-STARTTLS
250 SMTPUTF8
MAIL FROM:<postmaster@probe.example>
250 2.1.0 Sender OK
RCPT TO:<postmaster@contoso.com>
{answer}
QUIT
221 2.0.0 Service closing transmission channel
"""

BOUNCES: Final = {
    "a delivery status with a folded diagnostic": ("restricted_connector", DSN_FOLDED),
    "a delivery status whose returned mail quotes a lock": (
        "recipient_unknown",
        DSN_QUOTING_A_LOCK,
    ),
    "a delivery status for two, one of them relayed": (
        "restricted_direct_send",
        DSN_TWO_RECIPIENTS,
    ),
    "a delivery status without a diagnostic": ("restricted_connector", DSN_STATUS_ONLY),
    "a report of Exchange Online": ("restricted_connector", NDR_CLOUD),
    "a German report": ("restricted_connector", NDR_GERMAN),
    "a Japanese report": ("relay_denied", NDR_JAPANESE),
    "a report of Exchange Server": ("restricted_connector", NDR_ON_PREMISES),
    "a line of message tracking": ("restricted_connector", TRACKING),
    "a quoted-printable page": ("restricted_connector", QUOTED_PRINTABLE),
    "a base64 page": ("restricted_connector", BASE64),
    "sendmail's session": ("restricted_connector", SENDMAIL),
    "Exim's report": ("restricted_direct_send", EXIM),
    "a webmail's report": ("recipient_unknown", WEBMAIL),
    "Postfix's log": ("restricted_connector", POSTFIX_LOG),
    "Postfix's log of a success": ("accepted", POSTFIX_LOG_ACCEPTED),
    "Postfix's log without a connection": ("other", POSTFIX_LOG_NOT_REACHED),
    "a forwarded report": ("sender_blocked_reputation", FORWARDED),
    "a conversation that was taken": ("accepted", CONVERSATION.format(answer="250 OK")),
    "a conversation that was refused": (
        "restricted_connector",
        CONVERSATION.format(answer="550 5.7.51 TenantInboundAttribution; Rejecting"),
    ),
}
