// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit of nodes: their states, their threads, and the lists of zones that
 * allocations go through, against the zones that have pages.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/node.h>
#include <linux/nodemask.h>

#include "audit.h"

static void mhp_audit_node_state(struct mhp_audit *audit, int nid)
{
	const struct zone *zones = NODE_DATA(nid)->node_zones;
	unsigned long normal = 0, all;
	int i;

	for (i = 0; i <= ZONE_NORMAL; i++)
		normal += zones[i].present_pages;
	all = normal + zones[ZONE_MOVABLE].present_pages;

	if (!!all != node_state(nid, N_MEMORY))
		mhp_audit_broken(audit, "node %d: %lu pages, %sin has_memory", nid, all,
				 node_state(nid, N_MEMORY) ? "" : "not ");
	if (!!normal != node_state(nid, N_NORMAL_MEMORY))
		mhp_audit_broken(audit, "node %d: %lu pages not movable, %sin has_normal_memory",
				 nid, normal, node_state(nid, N_NORMAL_MEMORY) ? "" : "not ");
}

void mhp_audit_node_states(struct mhp_audit *audit)
{
	int nid;

	for_each_node(nid) {
		if (!!node_devices[nid] != node_online(nid))
			mhp_audit_broken(audit, "node %d is %s, sysfs says something else", nid,
					 node_online(nid) ? "online" : "offline");
		if (node_online(nid))
			mhp_audit_node_state(audit, nid);
		else if (node_state(nid, N_MEMORY) || node_spanned_pages(nid))
			mhp_audit_broken(audit, "node %d is offline and has memory", nid);
	}
}

void mhp_audit_node_threads(struct mhp_audit *audit)
{
	int nid;

	for_each_online_node(nid) {
		const struct pglist_data *pgdat = NODE_DATA(nid);
		bool wanted = node_state(nid, N_MEMORY);

		if (!!pgdat->kswapd != wanted)
			mhp_audit_broken(audit, "node %d has %s kswapd", nid,
					 wanted ? "no" : "a stray");
#ifdef CONFIG_COMPACTION
		if (!!pgdat->kcompactd != wanted)
			mhp_audit_broken(audit, "node %d has %s kcompactd", nid,
					 wanted ? "no" : "a stray");
#endif
	}
}

static unsigned int mhp_times_listed(const struct zonelist *zonelist, const struct zone *zone)
{
	const struct zoneref *ref;
	unsigned int times = 0;

	for (ref = zonelist->_zonerefs; ref->zone; ref++)
		times += ref->zone == zone;
	return times;
}

/* An allocation for any node may come from any zone that has pages. */
void mhp_audit_zonelists(struct mhp_audit *audit)
{
	struct zone *zone;
	int nid;

	for_each_online_node(nid) {
		const struct zonelist *lists = NODE_DATA(nid)->node_zonelists;

		for_each_zone(zone) {
			unsigned int times = mhp_times_listed(&lists[ZONELIST_FALLBACK], zone);

			if (zone_is_zone_device(zone) || times == populated_zone(zone))
				continue;
			mhp_audit_broken(audit, "node %d lists %s of node %d %u times, %lu pages",
					 nid, zone->name, zone_to_nid(zone), times,
					 zone->present_pages);
		}
	}
}
