"""What Pods were told about DNS before an upgrade holds after it: they are not told again."""

from kube_dns_conformance.fixtures import UpgradeJudge, requirement


@requirement("upgrade.dns.address-kept")
def test_pods_that_were_there_before_ask_an_address_that_still_is_that_of_dns(upgrade: UpgradeJudge) -> None:
    before, after = upgrade.upgraded.before, upgrade.upgraded.after
    why = "Pods that were there before go on asking the old one"
    upgrade.same("the addresses that Pods are told to ask", " ".join(before.addresses), " ".join(after.addresses), why)


@requirement("upgrade.dns.zone-kept")
def test_the_zone_is_the_same(upgrade: UpgradeJudge) -> None:
    why = "Pods that were there before go on asking for names in the old one"
    upgrade.same("the cluster domain", upgrade.upgraded.before.zone, upgrade.upgraded.after.zone, why)


@requirement("upgrade.dns.features-kept")
def test_what_was_served_is_served(upgrade: UpgradeJudge) -> None:
    upgrade.kept("what DNS serves", upgrade.upgraded.before.features, upgrade.upgraded.after.features)
